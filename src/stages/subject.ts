/** What models are shown of a face. */
import type { Subject } from "../inference/model.ts";
import type { Face } from "./item.ts";

/** The face's box, with the five points where they are known: a card may ask for aligned crops in any task. */
export function subjectOf({ box, landmarks }: Face): Subject {
  return landmarks === undefined ? { box } : { box, five: landmarks.five };
}
