/** Runs pictures that clients send through the dialect's pipelines, and tells what came out in the dialect's words. */
import { FacewireError } from "../../errors.ts";
import type { FaceJson, ItemResult, RunRequest } from "../../pipeline/results.ts";
import { descriptorValues } from "../../stages/face-json.ts";
import type { NewDescriptor, Sample, Vector } from "../../store/gallery/records.ts";
import type { LunaContext } from "./context.ts";
import { LunaError } from "./errors.ts";
import { lunaExif } from "./exif-fields.ts";
import { estimatesOf, type LunaFace, rectOf, scoreOf } from "./faces.ts";
import type { LunaCall } from "./operation.ts";
import { pipelineFor, setupFault } from "./pipelines.ts";
import type { SentBody } from "./sent-body.ts";

export type { LunaFace, LunaRect } from "./faces.ts";
export { readSentBody, type SentBody } from "./sent-body.ts";

/** What is wanted of a picture. */
export interface ExtractionWish {
  readonly attributes: boolean;
  readonly emotions: boolean;
  readonly ethnicities: boolean;
  readonly headPose: boolean;
  readonly quality: boolean;
  /** Least score, 0 to 1. */
  readonly scoreThreshold: number;
  /** Greatest angles in degrees either way; no gate where absent. */
  readonly pitch?: number;
  readonly yaw?: number;
  readonly roll?: number;
  /** The body is an aligned face of 250 x 250; nothing is looked for. */
  readonly warped: boolean;
  /** False: nothing is to be stored, no descriptor is computed. */
  readonly descriptor: boolean;
  readonly exif: boolean;
}

/** A face that was found, and what is to be kept of it; the latter absent where no descriptor was wanted. */
export interface ExtractedFace {
  readonly face: LunaFace;
  readonly keep?: NewDescriptor;
}

/** What came of a body; by falling score. At least one face: without one {@link extract} throws. */
export interface Extraction {
  readonly faces: readonly ExtractedFace[];
  /** Where asked for; empty when the picture has none. */
  readonly exif?: Readonly<Record<string, unknown>>;
}

/** Card or alias of the model without which no ethnicities are told. */
const ETHNICITY_MODEL = "ethnicity-default";
/** What the picture is called in logs and dead letters. */
const PICTURE_NAME = "body";

/**
 * Extracts the faces of a body; nothing is stored. A picture without faces is 4003 (500), one whose faces were all turned
 * away by thresholds 36003, a warp of another size 11043, what cannot be decoded 100033. Estimates whose model is not
 * installed are 1 (500) with a detail that names it.
 */
export async function extract(
  context: LunaContext,
  call: LunaCall,
  body: SentBody,
  wish: ExtractionWish,
): Promise<Extraction> {
  if (body.kind === "descriptor") {
    const id = crypto.randomUUID();
    return { faces: [{ face: { id }, keep: { id, ...body.vector } }] };
  }
  if (wish.ethnicities && context.models.find(ETHNICITY_MODEL) === undefined) {
    context.lacking(ETHNICITY_MODEL);
    const detail = `Ethnicities need a model that is not installed: ${ETHNICITY_MODEL}.`;
    // The dialect has nothing but 500 for a wish that cannot be met; in the log it is no failure.
    throw new LunaError(1, detail, { code: "model_unknown" });
  }
  const item = await run(context, runRequest(call, body.bytes, wish, context.settings.luna.portraits));
  checkItem(item, wish);
  const kept = item.faces.filter(({ rejected }) => rejected === undefined);
  const faces = kept.toSorted((a, b) => b.score - a.score).map((face) => extracted(face, wish));
  return { faces, ...(wish.exif && { exif: { ...lunaExif(item.picture?.exif) } }) };
}

async function run({ engine }: LunaContext, request: RunRequest): Promise<ItemResult> {
  try {
    const [item] = (await engine.run(request)).items;
    if (!item) throw new FacewireError("internal", "The engine answered without a result.");
    return item;
  } catch (error) {
    throw setupFault(error, request.pipeline);
  }
}

function runRequest(call: LunaCall, bytes: Uint8Array, wish: ExtractionWish, portraits: boolean): RunRequest {
  const { pitch, yaw, roll } = wish;
  const traceparent = call.request.headers.get("traceparent");
  return {
    id: call.exchange.id,
    pipeline: pipelineFor(wish.warped),
    files: [{ name: PICTURE_NAME, bytes }],
    parameters: {
      attributes: wish.attributes,
      emotions: wish.emotions,
      ethnicities: wish.ethnicities,
      quality: wish.quality,
      score_threshold: wish.scoreThreshold,
      descriptor: wish.descriptor,
      portrait: wish.descriptor && portraits,
      // A warp's pose would be that of the picture it was cut from, turned: it is never told.
      ...(!wish.warped && {
        head_pose: wish.headPose,
        ...(pitch !== undefined && { pitch }),
        ...(yaw !== undefined && { yaw }),
        ...(roll !== undefined && { roll }),
      }),
    },
    deadlineMs: Math.max(1, call.deadline - Date.now()),
    exif: wish.exif,
    signal: call.signal,
    ...(traceparent === null ? {} : { traceparent }),
  };
}

function checkItem({ status, error }: ItemResult, { warped }: ExtractionWish): void {
  if (status === "no_face") throw new LunaError(4003, "No faces found.");
  if (status === "rejected") throw new LunaError(36003, "No faces found.");
  if (status !== "failed" || error === undefined) return;
  const cause = FacewireError.fromPublic(error);
  if (error.code === "picture_wrong_size" || (warped && error.code === "picture_too_small")) {
    throw new LunaError(11043, "Bad image size for face warped image", { cause });
  }
  const unreadable = error.code.startsWith("picture_") || error.code === "input_not_accepted";
  throw unreadable ? new LunaError(100033, error.message, { cause }) : cause;
}

function extracted(json: FaceJson, wish: ExtractionWish): ExtractedFace {
  const id = json.descriptor && crypto.randomUUID();
  const face: LunaFace = {
    ...(id !== undefined && { id }),
    ...(!wish.warped && { rect: rectOf(json.box), ...(json.frame && { rectISO: rectOf(json.frame) }) }),
    score: scoreOf(json),
    ...estimatesOf(json, wish),
  };
  if (id === undefined || !json.descriptor) return { face };
  const sample = sampleOf(json, wish.warped);
  return { face, keep: { id, ...vectorOf(json.descriptor), ...(sample && { sample }) } };
}

function vectorOf(descriptor: NonNullable<FaceJson["descriptor"]>): Vector {
  const { model, version } = descriptor;
  return { model, version, values: descriptorValues(descriptor) };
}

function sampleOf({ crops }: FaceJson, warped: boolean): Sample | undefined {
  const crop = crops?.portrait;
  if (!crop) return undefined;
  const { width, height, data } = crop;
  return { kind: warped ? "warp" : "portrait", bytes: new Uint8Array(Buffer.from(data, "base64")), width, height };
}
