/** Pages by number, as clients ask for them. */

/** Which page: both from 1. */
export interface Page {
  readonly page: number;
  readonly pageSize: number;
}

/** One page and how many there are in all. */
export interface PageOf<T> {
  readonly items: readonly T[];
  /** All that match, not only those on the page. */
  readonly count: number;
}
