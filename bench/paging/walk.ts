/** How long pages of a large gallery take: walked from the first to the last, and anywhere. */
import type { GalleryStore } from "../../src/store/gallery/gallery-store.ts";
import type { PageOf } from "../../src/store/gallery/paging.ts";
import { type Spread, spreadOf } from "../statistics.ts";

/** Milliseconds a page. */
export interface PageTimes {
  /** The first, the middle and the last tenth of the pages, walked one after the other. */
  readonly first: Spread;
  readonly middle: Spread;
  readonly last: Spread;
  /** Pages at random, by a process that has read none before. */
  readonly jumps: Spread;
}

/** What is walked through. */
export interface PagedGallery {
  readonly account: string;
  /** One that all persons are on. */
  readonly list: string;
  readonly rows: number;
}

const PAGE_SIZE = 100;
/** Pages at random. */
const JUMPS = 200;

type ReadPage = (
  store: GalleryStore,
  page: { readonly page: number; readonly pageSize: number },
) => Promise<PageOf<unknown>>;

/** What is shown in pages, by the name of its rows. */
export function pagedCollections({ account, list }: PagedGallery): Readonly<Record<string, ReadPage>> {
  return {
    persons: (store, page) => store.persons.page(account, {}, page),
    descriptors: (store, page) => store.descriptors.page(account, page),
    lists: (store, page) => store.lists.page(account, "persons", page),
    "persons of a list": (store, page) => store.lists.persons(account, list, page),
  };
}

/** Measures one of them. `fresh`: repositories that remember nothing. */
export async function measurePages(read: ReadPage, rows: number, fresh: () => GalleryStore): Promise<PageTimes> {
  const pages = Math.ceil(rows / PAGE_SIZE);
  const store = fresh();
  const timed = async (from: GalleryStore, page: number) => {
    const start = performance.now();
    const { items } = await read(from, { page, pageSize: PAGE_SIZE });
    if (items.length === 0) throw new Error(`page ${page} of ${pages} is empty`);
    return performance.now() - start;
  };
  // Compiles what is compiled once.
  for (let page = 1; page <= 20; page++) await timed(fresh(), page);
  const walked: number[] = [];
  for (let page = 1; page <= pages; page++) walked.push(await timed(store, page));
  const tenth = Math.ceil(pages / 10);
  const middle = Math.floor((pages - tenth) / 2);
  const jumping = fresh();
  const jumped: number[] = [];
  for (let jump = 0; jump < JUMPS; jump++) jumped.push(await timed(jumping, 1 + Math.floor(Math.random() * pages)));
  return {
    first: spreadOf(walked.slice(0, tenth)),
    middle: spreadOf(walked.slice(middle, middle + tenth)),
    last: spreadOf(walked.slice(-tenth)),
    jumps: spreadOf(jumped),
  };
}
