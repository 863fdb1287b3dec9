/** Fills a database with what the benchmark searches among. */
import type { GalleryStore } from "../../src/store/gallery/gallery-store.ts";
import type { Rows } from "./plain.ts";
import type { Directions } from "./vectors.ts";

/** What the descriptors pretend to be made with. */
export const MODEL = { model: "bench", version: "1" } as const;
/** Descriptors of a transaction. */
const TOGETHER = 1000;
/** How far descriptors of one person are apart: cosine of two about 0.74. */
export const NOISE = 0.6;

/** Makes an account; its id. */
export async function makeAccount({ accounts }: GalleryStore): Promise<string> {
  const wish = { organizationName: "bench", email: "bench@example.com", passwordHash: "-", tokenData: "" };
  return (await accounts.create(wish))!.account.id;
}

/** Stores rows as descriptors; their ids. */
export async function storeRows(store: GalleryStore, account: string, { floats, values }: Rows): Promise<string[]> {
  const ids: string[] = [];
  const rows = floats.length / values;
  for (let first = 0; first < rows; first += TOGETHER) {
    const some = Array.from({ length: Math.min(TOGETHER, rows - first) }, (_, i) => ({
      id: crypto.randomUUID() as string,
      ...MODEL,
      values: floats.subarray((first + i) * values, (first + i + 1) * values),
    }));
    await store.descriptors.create(account, some);
    for (const { id } of some) ids.push(id);
  }
  return ids;
}

/** Makes a list of these descriptors; its id. */
export async function makeList(store: GalleryStore, account: string, ids: readonly string[]): Promise<string> {
  const list = await store.lists.create(account, "descriptors", "");
  for (let first = 0; first < ids.length; first += TOGETHER) {
    const members = ids.slice(first, first + TOGETHER);
    await store.links.setMembership(account, { list, action: "attach", type: "descriptors", members });
  }
  return list;
}

/** Makes a list of persons with four descriptors each; its id and a direction that lies in the middle of each person's. */
export async function makePersons(
  store: GalleryStore,
  account: string,
  persons: number,
  directions: Directions,
): Promise<{ readonly list: string; readonly centres: readonly Float32Array[] }> {
  const list = await store.lists.create(account, "persons", "");
  const centres: Float32Array[] = [];
  for (let i = 0; i < persons; i++) {
    const centre = directions.random();
    centres.push(centre);
    const some = Array.from({ length: 4 }, () => ({
      id: crypto.randomUUID() as string,
      ...MODEL,
      values: directions.near(centre, NOISE),
    }));
    const person = { id: crypto.randomUUID() as string, userData: "", externalId: "" };
    await store.descriptors.create(account, some, { person, list });
  }
  return { list, centres };
}
