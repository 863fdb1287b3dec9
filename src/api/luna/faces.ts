/** Faces as the pipelines tell them, in the dialect's words. */
import type { AttributeJson, BoxJson, FaceJson } from "../../pipeline/results.ts";

/** A rectangle in whole pixels. */
export interface LunaRect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A face as answers show it. */
export interface LunaFace {
  /** Absent where no descriptor was extracted. */
  readonly id?: string;
  readonly rect?: LunaRect;
  readonly rectISO?: LunaRect;
  readonly score?: number;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly quality?: Readonly<Record<string, number>>;
}

/** Names of the dialect with what models call it. */
type Names = Readonly<Record<string, readonly string[]>>;

const EMOTIONS: Names = {
  anger: ["angry"],
  disgust: ["disgusted"],
  fear: ["fearful"],
  happiness: ["happy"],
  neutral: [],
  sadness: ["sad"],
  surprise: ["surprised"],
};

const ETHNICITIES: Names = {
  african_american: ["african-american", "black", "african"],
  asian: ["east_asian"],
  caucasian: ["white"],
  indian: [],
};

/** Which estimates are shown. */
export interface ShownEstimates {
  readonly attributes: boolean;
  readonly emotions: boolean;
  readonly ethnicities: boolean;
  readonly headPose: boolean;
  readonly quality: boolean;
}

/** The estimates of a face that were asked for, as members `attributes` and `quality`; a member without content is left out. */
export function estimatesOf(face: FaceJson, shown: ShownEstimates): Pick<LunaFace, "attributes" | "quality"> {
  const attributes = {
    ...(shown.attributes && ageAndGender(face)),
    ...(shown.emotions && estimations("emotion", EMOTIONS, face.emotion)),
    ...(shown.ethnicities && estimations("ethnicity", ETHNICITIES, labelled(face.attributes?.ethnicity))),
    ...(shown.headPose && face.pose && { head_pose: headPose(face.pose) }),
  };
  return {
    ...(Object.keys(attributes).length > 0 && { attributes }),
    ...(shown.quality && face.quality && { quality: qualityOf(face.quality) }),
  };
}

/** The box in whole pixels. */
export function rectOf({ x, y, width, height }: BoxJson): LunaRect {
  return { x: whole(x), y: whole(y), width: whole(width), height: whole(height) };
}

/** How sure the detector is, 0..1. */
export function scoreOf({ score }: FaceJson): number {
  return share(score);
}

function ageAndGender({ attributes = {} }: FaceJson): Record<string, number> {
  const { age, gender } = attributes;
  const glasses = attributes.eyeglasses ?? attributes.glasses;
  return {
    ...(age && "value" in age && { age: Math.min(100, Math.max(0, whole(age.value))) }),
    ...(gender && "label" in gender && { gender: gender.label === "male" ? 1 : 0 }),
    ...(glasses && "value" in glasses && { eyeglasses: share(glasses.value) }),
  };
}

function labelled(attribute: AttributeJson | undefined) {
  return attribute && "label" in attribute ? attribute : undefined;
}

/** Shares of all names, which add up to 1, and the greatest. */
function estimations(
  what: "emotion" | "ethnicity",
  names: Names,
  told: { readonly probabilities: Readonly<Record<string, number>> } | undefined,
): Record<string, unknown> {
  if (!told) return {};
  const raw = Object.entries(names).map(([name, others]) => {
    const known = [name, ...others].map((each) => told.probabilities[each] ?? 0);
    return [name, known.reduce((sum, value) => sum + value, 0)] as const;
  });
  const sum = raw.reduce((total, [, value]) => total + value, 0);
  const shares = raw.map(([name, value]) => [name, sum > 0 ? share(value / sum) : 1 / raw.length] as const);
  const [predominant] = shares.reduce((best, each) => (each[1] > best[1] ? each : best));
  const plural = what === "emotion" ? "emotions" : "ethnicities";
  return { [plural]: { estimations: Object.fromEntries(shares), [`predominant_${what}`]: predominant } };
}

function headPose({ yaw, pitch, roll }: NonNullable<FaceJson["pose"]>) {
  return { yaw, pitch, roll };
}

/** 1 is the best of each. Saturation is there for old clients and says nothing. */
function qualityOf({ light, darkness, sharpness }: NonNullable<FaceJson["quality"]>): Record<string, number> {
  return { light: share(light), dark: share(darkness), saturation: 1, blurriness: share(sharpness) };
}

function share(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** Rounded, and never the -0 that JSON would show as 0 anyway but tests would not. */
function whole(value: number): number {
  return Math.round(value) + 0;
}
