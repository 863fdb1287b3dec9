/** A store with an account, and galleries over it. */
import type { Gallery } from "../../src/gallery/gallery.ts";
import { createGallery, type GalleryParts, type LiveGallery } from "../../src/gallery/live-gallery.ts";
import type { ComparableVersion } from "../../src/gallery/versions.ts";
import type { Logger } from "../../src/observe/logs.ts";
import type { GalleryStore } from "../../src/store/gallery/gallery-store.ts";
import type { Vector } from "../../src/store/gallery/records.ts";
import type { Store } from "../../src/store/store.ts";
import { direction, randomNumbers } from "./vectors.ts";

export const CARD: ComparableVersion = {
  name: "model",
  version: "1",
  similarity: { metric: "cosine", slope: 13.3, midpoint: 0.47 },
};
const random = randomNumbers(4711);

/** Says nothing. */
export const SILENT = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Logger;

/** A random direction of 64 values, of the card's version or another. */
export function vector(version = CARD.version, model = CARD.name): Vector {
  return { model, version, values: direction(random, 64) };
}

/** Makes an account; its id. */
export async function makeAccount(store: GalleryStore, email = `${crypto.randomUUID()}@example.com`): Promise<string> {
  const made = await store.accounts.create({ organizationName: "o", email, passwordHash: "-", tokenData: "" });
  return made!.account.id;
}

/** Keeps a descriptor; its id. */
export async function enrol(store: GalleryStore, account: string, what: Vector, list?: string): Promise<string> {
  const id = crypto.randomUUID();
  await store.descriptors.create(account, [{ id, ...what }]);
  if (list !== undefined) await join(store, account, list, "descriptors", [id]);
  return id;
}

/** Makes a person with descriptors; its id. */
export async function enrolPerson(
  store: GalleryStore,
  account: string,
  vectors: readonly Vector[],
  list?: string,
): Promise<string> {
  const id = crypto.randomUUID();
  await store.persons.create(account, { id, userData: "", externalId: "" });
  for (const what of vectors) await store.links.attach(account, id, await enrol(store, account, what));
  if (list !== undefined) await join(store, account, list, "persons", [id]);
  return id;
}

export async function join(
  store: GalleryStore,
  account: string,
  list: string,
  type: "persons" | "descriptors",
  members: readonly string[],
  action: "attach" | "detach" = "attach",
): Promise<void> {
  await store.links.setMembership(account, { list, action, type, members });
}

/** A gallery over a store. */
export function galleryOf({ gallery }: Pick<Store, "gallery">, parts: Partial<GalleryParts> = {}): LiveGallery {
  return createGallery({ changes: gallery.changes, versions: [CARD], threads: 1, logger: SILENT, ...parts });
}

/** Ids of what a search among a list finds. */
export async function found(
  gallery: Gallery,
  account: string,
  probe: Vector,
  list: string,
  by: "person" | "descriptor" = "descriptor",
): Promise<(string | null)[]> {
  const matches = await gallery.search({ account, probes: [probe], candidates: { list }, by, limit: 100 });
  return matches.map(({ descriptor, person }) => (by === "person" ? person : descriptor));
}
