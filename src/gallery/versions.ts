/** Models and versions that descriptors can be compared within. */
import type { ModelCard } from "../inference/card.ts";
import type { SimilarityCard } from "../inference/similarity.ts";

/** What comparing descriptors of one version of a model takes; can be sent to a thread. */
export interface ComparableVersion extends SimilarityCard {
  readonly version: string;
}

/** Those of the cards that say how their descriptors are compared. */
export function comparableVersions(cards: readonly ModelCard[]): readonly ComparableVersion[] {
  return cards.flatMap(({ name, version, similarity }) => (similarity ? [{ name, version, similarity }] : []));
}

/** One text for a model and its version. */
export function versionKey(model: string, version: string): string {
  return `${model}\n${version}`;
}
