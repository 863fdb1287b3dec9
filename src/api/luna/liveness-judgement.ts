/** What became of a picture of a liveness request, in the dialect's words. */
import type { ItemResult } from "../../pipeline/results.ts";
import type { LivenessPicture } from "./liveness-pictures.ts";

/** A verdict: 0 spoof, 1 real, 2 unknown. */
export interface Judgement {
  readonly prediction: 0 | 1 | 2;
  readonly estimations: { readonly probability: number; readonly quality: number };
}

/** An element of `images`. */
export interface JudgedPicture {
  readonly filename: string;
  readonly status: 0 | 1;
  readonly liveness: Judgement | null;
  readonly error: PictureError;
}

interface PictureError {
  readonly error_code: number;
  readonly desc: string;
  readonly detail: string;
}

const error = (error_code: number, desc: string, detail = desc): PictureError => ({ error_code, desc, detail });

const SUCCESS = error(0, "Success");
const UNREADABLE = error(3001, "Failed to decode image data", "Failed to decodeImage image data.");
const NOT_BASE64 = error(32010, "Failed to decode file", "Failed convert data from base64 to bytes");
const NO_FACE = error(32006, "Face not found");
const SEVERAL_FACES = error(32017, "Too many faces");
const FAILED = error(32009, "Liveness prediction failed");
/** By the reason of the gate of the pipeline that turned the face away. */
const REJECTED: Readonly<Record<string, PictureError>> = {
  near: error(32001, "Face is too close to the camera"),
  border: error(32002, "Face is too close to the border of the image"),
  cropped: error(32003, "Face is cropped"),
  occluded: error(32004, "Face is occluded"),
  small: error(32005, "Facial area is too small"),
  angle: error(32007, "Angle of the head is too large"),
};
/** Above it a person is live. */
const LIVE_FROM = 0.5;

/** The judgement of a picture without a result: its base64 could not be read. */
export function unread({ filename }: LivenessPicture): JudgedPicture {
  return failed(filename, NOT_BASE64);
}

/** The judgement of a picture by what the pipeline found on it. `leastQuality`: below it nothing is told. */
export function judged({ filename }: LivenessPicture, item: ItemResult, leastQuality: number): JudgedPicture {
  const problem = problemOf(item);
  if (problem) return failed(filename, problem);
  const { liveness, quality } = item.faces[0] ?? {};
  if (!liveness || !quality) return failed(filename, FAILED);
  return {
    filename,
    status: 1,
    liveness: judgement(liveness.probability, quality.overall, leastQuality),
    error: SUCCESS,
  };
}

/** Both means over the pictures that were judged; undefined when none was. */
export function aggregated(pictures: readonly JudgedPicture[], leastQuality: number): Judgement | undefined {
  const all = pictures.flatMap(({ liveness }) => liveness?.estimations ?? []);
  if (all.length === 0) return undefined;
  const mean = (of: "probability" | "quality") => all.reduce((sum, each) => sum + each[of], 0) / all.length;
  return judgement(mean("probability"), mean("quality"), leastQuality);
}

function judgement(probability: number, quality: number, leastQuality: number): Judgement {
  const prediction = quality < leastQuality ? 2 : probability > LIVE_FROM ? 1 : 0;
  return { prediction, estimations: { probability, quality } };
}

function problemOf({ status, faces, error: failure }: ItemResult): PictureError | undefined {
  if (status === "failed") {
    const { code = "internal" } = failure ?? {};
    return code.startsWith("picture_") || code === "input_not_accepted" ? UNREADABLE : FAILED;
  }
  if (status === "no_face") return NO_FACE;
  if (faces.length > 1) return SEVERAL_FACES;
  if (status === "rejected") return REJECTED[faces[0]?.rejected?.reason ?? ""] ?? FAILED;
  return undefined;
}

function failed(filename: string, problem: PictureError): JudgedPicture {
  return { filename, status: 0, liveness: null, error: problem };
}
