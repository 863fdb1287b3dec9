/** Comparing vectors that nobody keeps. */
import { similarity } from "../inference/similarity.ts";
import type { Vector } from "../store/gallery/records.ts";
import { type ComparableVersion, versionKey } from "./versions.ts";

/** See `Gallery.compare`: row by row; NaN where two cannot be compared. */
export function compareAll(
  versions: readonly ComparableVersion[],
  probes: readonly Vector[],
  others: readonly Vector[],
): Float64Array {
  const cards = new Map(versions.map((version) => [versionKey(version.name, version.version), version]));
  const result = new Float64Array(probes.length * others.length).fill(Number.NaN);
  for (const [row, probe] of probes.entries()) {
    const card = cards.get(versionKey(probe.model, probe.version));
    if (!card) continue;
    for (const [column, other] of others.entries()) {
      const alike = probe.model === other.model && probe.version === other.version;
      if (!alike || probe.values.length !== other.values.length) continue;
      result[row * others.length + column] = similarity(card, probe.values, other.values);
    }
  }
  return result;
}
