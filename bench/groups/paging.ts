/** Pages of large galleries: a page deep inside should take no longer than the first. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { galleryStore } from "../../src/store/gallery/gallery-store.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { createStore } from "../../src/store/store.ts";
import { fillGallery } from "../paging/fill.ts";
import { measurePages, pagedCollections } from "../paging/walk.ts";
import type { BenchGroup, GroupRow } from "./group.ts";

const ROWS = { quick: 20_000, whole: 100_000 };
/** How many times as long as the first pages the last ones may take: a little noise. */
const MOST_GROWTH = 1.5;

export const paging: BenchGroup = {
  name: "paging",
  about: "time of pages of 100 persons, descriptors and lists of 100,000, walked and at random",
  async measure({ quick, progress }) {
    const rows = quick ? ROWS.quick : ROWS.whole;
    const folder = await mkdtemp(join(tmpdir(), "facewire-bench-"));
    const db = await openSqlite(folder);
    const store = await createStore(db);
    try {
      progress(`paging: writing ${rows} rows of each kind`);
      const wish = { organizationName: "bench", email: "bench@example.org", passwordHash: "", tokenData: "" };
      const account = (await store.gallery.accounts.create(wish))?.account.id ?? "";
      const { list } = await fillGallery(db, account, rows);
      const table: GroupRow[] = [];
      for (const [name, read] of Object.entries(pagedCollections({ account, list, rows }))) {
        progress(`paging: ${name}`);
        const times = await measurePages(read, rows, () => galleryStore(db, Date.now));
        for (const part of ["first", "middle", "last", "jumps"] as const) {
          const spread = times[part];
          const what = part === "jumps" ? "page at random" : `${part} pages of a walk`;
          table.push({ name: `${name}: ${what}`, value: spread.median, spread, unit: "ms" });
        }
        // Of the quick ones of each: what else the machine does falls on some pages and not on others.
        const growth = times.last.low / times.first.low;
        table.push({ name: `${name}: last against first`, value: growth, unit: "x", target: { most: MOST_GROWTH } });
      }
      return table;
    } finally {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
};
