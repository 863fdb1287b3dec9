/** Which frame of a video is its best one. */
import type { Face } from "../stages/item.ts";
import { primaryFace } from "./aggregate.ts";

/** A picture as JPEG, with what it is ranked by. */
export interface Snapshot {
  readonly rank: number;
  readonly width: number;
  readonly height: number;
  readonly jpeg: Uint8Array;
}

/**
 * What frames are compared by, greater is better: the overall quality of the primary face, or the detector's score where no
 * quality was measured. Undefined where no face went through every gate.
 */
export function frameRank(faces: readonly Face[]): number | undefined {
  const face = primaryFace(faces);
  return face && (face.quality?.overall ?? face.score);
}
