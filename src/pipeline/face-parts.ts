/** Looks a part of a face up by the name pipelines know it under, such as `face.quality` or `face.extra.mark`. */
import type { Face } from "../stages/item.ts";

/** The part's value; undefined where no stage has written it, and for parts that are not a face's. */
export function facePart(face: Face, part: string): unknown {
  const [subject, name, extra] = part.split(".");
  if (subject !== "face" || name === undefined) return undefined;
  return name === "extra" && extra !== undefined ? face.extra?.[extra] : face[name as keyof Face];
}
