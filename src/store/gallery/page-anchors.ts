/**
 * Where pages of large collections begin and end, as far as that was seen, so that the page before or behind is found at
 * once, wherever it is. Rows are counted from the oldest, which has the rank 1: new rows come at the newest end only, and so
 * change no other's rank. Everything else that happens to a collection moves its `edits`, and what was known is forgotten.
 */

/** A row and its place. */
export interface Anchor {
  readonly rank: number;
  readonly createdAt: number;
  readonly id: string;
}

/** What is known of a collection: how it was when it was last read. */
export interface KnownCollection {
  readonly count: number;
  readonly edits: number;
}

/** The way to a page: from a row, or from an end of the collection, over `skip` rows. */
export interface Way {
  /** The row it begins at, itself included; undefined for the end of the collection that it leads away from. */
  readonly from: Anchor | undefined;
  /** `older`: rows as they are on the page. `newer`: the other way round. */
  readonly towards: "older" | "newer";
  readonly skip: number;
}

/** Collections, and rows of one, that are remembered: some megabytes at most. */
const COLLECTIONS = 64;
const ANCHORS = 1_024;

interface Remembered extends KnownCollection {
  /** By rising rank. */
  readonly anchors: Anchor[];
}

/** See the file's head. */
export class PageAnchors {
  /** Those that were used last are at the end. */
  readonly #collections = new Map<string, Remembered>();

  known(collection: string): KnownCollection | undefined {
    return this.#collections.get(collection);
  }

  /** The shortest way to the rows of ranks `oldest` to `newest` of a collection as it is known. */
  wayTo(collection: string, { oldest, newest }: { readonly oldest: number; readonly newest: number }): Way {
    const { count, anchors } = this.#collections.get(collection) ?? { count: 0, anchors: [] };
    let best: Way = { from: undefined, towards: "older", skip: count - newest };
    const consider = (way: Way) => {
      if (way.skip < best.skip) best = way;
    };
    consider({ from: undefined, towards: "newer", skip: oldest - 1 });
    const above = anchors[firstFrom(anchors, newest)];
    if (above) consider({ from: above, towards: "older", skip: above.rank - newest });
    const below = anchors[firstFrom(anchors, oldest + 1) - 1];
    if (below) consider({ from: below, towards: "newer", skip: oldest - below.rank });
    return best;
  }

  /** Takes over how a collection is, and rows of it. */
  remember(collection: string, { count, edits }: KnownCollection, rows: readonly Anchor[]): void {
    const before = this.#collections.get(collection);
    const anchors = before && before.edits === edits ? before.anchors : [];
    for (const row of rows) {
      const at = firstFrom(anchors, row.rank);
      if (anchors[at]?.rank !== row.rank) anchors.splice(at, 0, row);
    }
    const kept = anchors.length > ANCHORS ? anchors.filter((_, at) => at % 2 === 0) : anchors;
    this.#collections.delete(collection);
    this.#collections.set(collection, { count, edits, anchors: kept });
    const [oldest] = this.#collections.keys();
    if (this.#collections.size > COLLECTIONS && oldest !== undefined) this.#collections.delete(oldest);
  }
}

/** The place of the first anchor whose rank is at least `rank`. */
function firstFrom(anchors: readonly Anchor[], rank: number): number {
  let low = 0;
  let high = anchors.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((anchors[middle]?.rank ?? 0) < rank) low = middle + 1;
    else high = middle;
  }
  return low;
}
