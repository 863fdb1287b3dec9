/** Policies of the three handlers: their forms, their defaults, and what they ask of a picture. */
import { type Static, type TObject, type TSchema, Type } from "@sinclair/typebox";
import type { Settings } from "../../settings/schema.ts";
import type { ListType } from "../../store/gallery/records.ts";
import type { ExtractionWish } from "./extraction.ts";
import { closed, Uuid } from "./json-body.ts";

/** The handlers of an account. */
export const HANDLER_TYPES = ["extractor", "identify", "verify"] as const;
export type HandlerType = (typeof HANDLER_TYPES)[number];

const flag = () => Type.Integer({ minimum: 0, maximum: 1 });
const angle = () => Type.Integer({ minimum: 0, maximum: 180 });
const share = () => Type.Number({ minimum: 0, maximum: 1 });

/** What all handlers ask of a picture. */
const PICTURE = {
  estimate_attributes: flag(),
  estimate_emotions: flag(),
  estimate_ethnicities: flag(),
  estimate_quality: flag(),
  estimate_head_pose: flag(),
  extract_exif: flag(),
  yaw_threshold: angle(),
  pitch_threshold: angle(),
  roll_threshold: angle(),
  score_threshold: share(),
};

const FORMS = {
  extractor: closed({ list_id: Uuid, ...PICTURE }),
  identify: closed({
    list_id: Uuid,
    limit: Type.Integer({ minimum: 1, maximum: 5 }),
    identify_threshold: share(),
    ...PICTURE,
  }),
  verify: closed({ verify_threshold: share(), ...PICTURE }),
} as const satisfies Record<HandlerType, TObject>;

/** All policies of a handler. */
export type Policies<T extends HandlerType> = Static<(typeof FORMS)[T]>;
type PicturePolicies = Static<TObject<typeof PICTURE>>;

/** What changes a handler: any of its policies, at least one. */
export const CHANGES = {
  extractor: change(FORMS.extractor.properties),
  identify: change(FORMS.identify.properties),
  verify: change(FORMS.verify.properties),
} as const;

/** Lists that a handler's `list_id` may name; any where undefined. */
export const LIST_TYPE: Readonly<Record<HandlerType, ListType | undefined>> = {
  extractor: "persons",
  identify: undefined,
  verify: undefined,
};

const PICTURE_DEFAULTS: PicturePolicies = {
  estimate_attributes: 0,
  estimate_emotions: 0,
  estimate_ethnicities: 0,
  estimate_quality: 0,
  estimate_head_pose: 0,
  extract_exif: 0,
  yaw_threshold: 180,
  pitch_threshold: 180,
  roll_threshold: 180,
  score_threshold: 0.5,
};

/** Policies of new handlers; `list`: the account's list of persons that was made for them. */
export const DEFAULTS = {
  extractor: (list: string): Policies<"extractor"> => ({ list_id: list, ...PICTURE_DEFAULTS }),
  identify: (list: string, { luna }: Settings): Policies<"identify"> => ({
    list_id: list,
    limit: 3,
    identify_threshold: luna.identify_threshold,
    ...PICTURE_DEFAULTS,
  }),
  verify: ({ luna }: Settings): Policies<"verify"> => ({
    verify_threshold: luna.verify_threshold,
    ...PICTURE_DEFAULTS,
  }),
};

/** What a handler wants of a picture. `warped`: as the request says. */
export function wishOf(policies: PicturePolicies, warped: boolean): ExtractionWish {
  return {
    attributes: policies.estimate_attributes === 1,
    emotions: policies.estimate_emotions === 1,
    ethnicities: policies.estimate_ethnicities === 1,
    headPose: policies.estimate_head_pose === 1,
    quality: policies.estimate_quality === 1,
    scoreThreshold: policies.score_threshold,
    // 180 turns no face away; without a gate no pose is estimated for it.
    ...gate("pitch", policies.pitch_threshold),
    ...gate("yaw", policies.yaw_threshold),
    ...gate("roll", policies.roll_threshold),
    warped,
    descriptor: true,
    exif: policies.extract_exif === 1,
  };
}

function gate<A extends "pitch" | "yaw" | "roll">(axis: A, degrees: number): { readonly [K in A]?: number } {
  return (degrees < 180 ? { [axis]: degrees } : {}) as { readonly [K in A]?: number };
}

function change<P extends Record<string, TSchema>>(properties: P) {
  return Type.Partial(closed(properties), { additionalProperties: false, minProperties: 1 });
}
