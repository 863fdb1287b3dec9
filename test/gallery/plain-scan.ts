/** What the scan has to agree with: every candidate compared by its floats, sorted, cut. */
import type { ScanMatch, ScanSearch } from "../../src/gallery/scan.ts";
import type { ComparableVersion } from "../../src/gallery/versions.ts";
import { similarity } from "../../src/inference/similarity.ts";
import type { LoadedDescriptor } from "../../src/store/gallery/changes.ts";

/** The matches of a search among these descriptors. */
export function plainScan(
  card: ComparableVersion,
  candidates: readonly LoadedDescriptor[],
  { probes, by, limit, atLeast = 0 }: Omit<ScanSearch, "candidates" | "account">,
): ScanMatch[] {
  const matches = candidates.flatMap(({ descriptor, person, vector }) => {
    const alike = probes
      .filter(({ values }) => values.length === vector.values.length)
      .map(({ values }) => similarity(card, values, vector.values))
      .filter((value) => value >= atLeast);
    return alike.length > 0 && (by === "descriptor" || person !== null)
      ? [{ descriptor, person, similarity: Math.max(...alike) }]
      : [];
  });
  const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const idOf = ({ descriptor, person }: ScanMatch) => (by === "descriptor" ? descriptor : person!);
  matches.sort((a, b) => b.similarity - a.similarity || order(idOf(a), idOf(b)) || order(a.descriptor, b.descriptor));
  const seen = new Set<string>();
  return matches.filter((match) => !seen.has(idOf(match)) && seen.add(idOf(match))).slice(0, limit);
}
