/** Pictures of people that scripted models tell apart: by the mark in a picture everything about it is known. */
import { forEachFace, scripted, scriptedByMark, testPicture } from "../../../src/testing/index.ts";
import { near } from "./vectors.ts";

/** Likenesses to Ada, as cosines. */
export const COSINE = { ada: 1, adaAgain: 0.85, bob: 0.1, cleo: 0.05 } as const;

/** Where faces are in every picture, the best score last so that order is not by chance. */
const ONE = [{ box: [240, 140, 160, 190], score: 0.97 }] as const;
const TWO = [
  { box: [80, 140, 160, 190], score: 0.75 },
  { box: [380, 120, 150, 180], score: 0.9 },
] as const;
const numbers = (cosine: number, axis: number) => ({ descriptor: [...near(cosine, axis)] });

/** For `startLuna({ models })`. */
export const PEOPLE_MODELS = {
  "detector-default": scriptedByMark({
    two: [...TWO],
    none: [],
    faint: [{ box: [240, 140, 160, 190], score: 0.75 }],
    "*": [...ONE],
  }),
  "descriptor-default": scriptedByMark({
    adaAgain: numbers(COSINE.adaAgain, 1),
    bob: numbers(COSINE.bob, 2),
    cleo: numbers(COSINE.cleo, 3),
    // By falling score or in the detector's order: the second is Bob either way.
    two: forEachFace(numbers(COSINE.bob, 2), numbers(COSINE.ada, 1)),
    "*": numbers(COSINE.ada, 1),
  }),
  "*": scripted(),
};

/** Who is on a picture; `two`: two people, `none`: nobody, `faint`: a face of score 0.75. */
export type Shown = keyof typeof COSINE | "two" | "none" | "faint";

/** A JPEG. */
export function pictureOf(mark: Shown): Promise<Uint8Array> {
  return testPicture({ mark, format: "jpeg", faces: [{ box: [240, 140, 160, 190] }] });
}

/** A warp: 250 x 250. */
export function warpOf(mark: Shown): Promise<Uint8Array> {
  return testPicture({ mark, format: "png", width: 250, height: 250, faces: [{ box: [60, 50, 130, 160] }] });
}
