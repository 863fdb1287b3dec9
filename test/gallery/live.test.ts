/** Galleries over a database: what they find, how fresh they are, what becomes of them when something breaks. */
import { afterEach, describe, expect, test } from "bun:test";
import { openGallery } from "../../src/app/gallery.ts";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { FacewireError } from "../../src/errors.ts";
import type { LiveGallery } from "../../src/gallery/live-gallery.ts";
import type { GalleryChange, GalleryChanges } from "../../src/store/gallery/changes.ts";
import type { Vector } from "../../src/store/gallery/records.ts";
import { openMemoryStore, openStore, type Store } from "../../src/store/store.ts";
import { openPostgresStore } from "../store/postgres-store.ts";
import { hasPostgres } from "../support/postgres.ts";
import { eventually, rejection } from "../support/settle.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { plainScan } from "./plain-scan.ts";
import { randomNumbers } from "./vectors.ts";
import { CARD, enrol, enrolPerson, found, galleryOf, join, makeAccount, SILENT, vector } from "./world.ts";

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const open of closing.splice(0).reverse()) await open.close();
});
const closed = <T extends { close(): Promise<void> }>(open: T): T => {
  closing.push(open);
  return open;
};

/** The repository with what a test does to it. */
function altered(changes: GalleryChanges, own: Partial<GalleryChanges>) {
  return {
    position: () => (own.position ?? changes.position).call(changes),
    after: (...given: Parameters<GalleryChanges["after"]>) => (own.after ?? changes.after).apply(changes, given),
    descriptors: (...given: Parameters<GalleryChanges["descriptors"]>) =>
      (own.descriptors ?? changes.descriptors).apply(changes, given),
    members: (...given: Parameters<GalleryChanges["members"]>) =>
      (own.members ?? changes.members).apply(changes, given),
  };
}

describe("what is found", () => {
  test("each person of a list once, with its most alike descriptor, best first", async () => {
    const store = closed(await openMemoryStore());
    const account = await makeAccount(store.gallery);
    const list = await store.gallery.lists.create(account, "persons", "");
    const [probe, other] = [vector(), vector()];
    const one = await enrolPerson(store.gallery, account, [vector(), probe, vector()], list);
    const two = await enrolPerson(store.gallery, account, [other, vector()], list);
    const gallery = closed(galleryOf(store));
    const asked = { account, candidates: { list }, by: "person", limit: 5 } as const;
    const [first, second, ...rest] = await gallery.search({ ...asked, probes: [probe] });
    expect(rest).toEqual([]);
    expect(first).toMatchObject({ person: one, similarity: 1 });
    expect(second?.person).toBe(two);
    // Of several probes the most alike counts.
    const both = await gallery.search({ ...asked, probes: [probe, other] });
    expect(both.map(({ similarity }) => similarity)).toEqual([1, 1]);
    expect(both.map(({ person }) => person)).toEqual([one, two].sort());
    const best = await gallery.search({ ...asked, probes: [probe], atLeast: 0.99 });
    expect(best.map(({ person }) => person)).toEqual([one]);
    expect(await gallery.search({ ...asked, probes: [probe], limit: 1 })).toEqual([first!]);
  });

  test("a reference of very many vectors is searched for with all of them, unless nobody waits any more", async () => {
    const store = closed(await openMemoryStore());
    const account = await makeAccount(store.gallery);
    const probes = Array.from({ length: 200 }, () => vector());
    const alike = [probes[0]!, probes[64]!, probes[199]!];
    const persons = await Promise.all(alike.map((each) => enrolPerson(store.gallery, account, [each, vector()])));
    const gallery = closed(galleryOf(store, { threads: 2 }));
    const asked = { account, probes, candidates: { persons }, by: "person", limit: 5 } as const;
    const matches = await gallery.search(asked);
    expect(matches.map(({ person }) => person)).toEqual(persons.toSorted());
    expect(matches.every(({ similarity }) => similarity === 1)).toBe(true);
    const error = await rejection(gallery.search({ ...asked, signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ code: "request_cancelled" });
  });

  test("searches find the same while others are expected, also when those never come", async () => {
    const store = closed(await openMemoryStore());
    const account = await makeAccount(store.gallery);
    const { list, probes } = await manyOnAList(store, account);
    const gallery = closed(galleryOf(store));
    const search = (probe: Vector) =>
      gallery.search({ account, probes: [probe], candidates: { list }, by: "descriptor", limit: 5 });
    const alone = [];
    for (const probe of probes) alone.push(await search(probe));
    using _never = gallery.expect();
    const arriving = probes.map(async (probe) => {
      const coming = gallery.expect();
      await new Promise((resume) => setImmediate(resume));
      coming[Symbol.dispose]();
      coming[Symbol.dispose]();
      return search(probe);
    });
    expect(await Promise.all(arriving)).toEqual(alone);
    expect(await search(probes[0]!)).toEqual(alone[0]!);
  });

  test("only those of the persons or descriptors that are named, unknown ones left out", async () => {
    const store = closed(await openMemoryStore());
    const account = await makeAccount(store.gallery);
    const probe = vector();
    const one = await enrolPerson(store.gallery, account, [probe, vector()]);
    const two = await enrolPerson(store.gallery, account, [vector()]);
    await enrolPerson(store.gallery, account, [probe]);
    const alone = await enrol(store.gallery, account, probe);
    const gallery = closed(galleryOf(store, { threads: 3 }));
    const asked = { account, probes: [probe], limit: 5 };
    const persons = { persons: [two, one, one, crypto.randomUUID()] };
    const byPerson = await gallery.search({ ...asked, candidates: persons, by: "person" });
    expect(byPerson.map(({ person }) => person)).toEqual([one, two]);
    const descriptors = { descriptors: [alone, alone, crypto.randomUUID()] };
    const byDescriptor = await gallery.search({ ...asked, candidates: descriptors, by: "descriptor" });
    expect(byDescriptor).toEqual([{ descriptor: alone, person: null, similarity: 1 }]);
  });

  test("nothing of another account, whatever way it is named", async () => {
    const store = closed(await openMemoryStore());
    const [mine, theirs] = [await makeAccount(store.gallery), await makeAccount(store.gallery)];
    const list = await store.gallery.lists.create(theirs, "persons", "");
    const probe = vector();
    const person = await enrolPerson(store.gallery, theirs, [probe], list);
    const descriptor = await enrol(store.gallery, theirs, probe);
    const gallery = closed(galleryOf(store));
    for (const candidates of [{ list }, { persons: [person] }, { descriptors: [descriptor] }]) {
      const asked = { probes: [probe], candidates, by: "descriptor", limit: 5 } as const;
      expect(await gallery.search({ account: theirs, ...asked })).toHaveLength(1);
      expect(await gallery.search({ account: mine, ...asked })).toEqual([]);
    }
  });

  test("only descriptors of the probe's model and version; none of a version without a card", async () => {
    const store = closed(await openMemoryStore());
    const account = await makeAccount(store.gallery);
    const list = await store.gallery.lists.create(account, "descriptors", "");
    const probe = vector();
    const same = await enrol(store.gallery, account, probe, list);
    const newer = await enrol(store.gallery, account, { ...probe, version: "2" }, list);
    await enrol(store.gallery, account, { ...probe, model: "other" }, list);
    const gallery = closed(galleryOf(store, { versions: [CARD, { ...CARD, version: "2" }] }));
    expect(await found(gallery, account, probe, list)).toEqual([same]);
    expect(await found(gallery, account, { ...probe, version: "2" }, list)).toEqual([newer]);
    expect(await found(gallery, account, { ...probe, model: "other" }, list)).toEqual([]);
    const others = [probe, { ...probe, version: "2" }, { ...probe, model: "other" }];
    expect([...(await gallery.compare([probe, others[2]!], others))]).toEqual([1, NaN, NaN, NaN, NaN, NaN]);
  });

  test("compare tells each pair's similarity, row by row, also for more pairs than go at once", async () => {
    const store = closed(await openMemoryStore());
    const gallery = closed(galleryOf(store));
    const [probes, others] = [Array.from({ length: 90 }, () => vector()), Array.from({ length: 400 }, () => vector())];
    const all = await gallery.compare(probes, [...others, probes[89]!]);
    expect(all).toHaveLength(90 * 401);
    expect(all[89 * 401 + 400]).toBe(1);
    const wish = { probes: [probes[77]!], by: "descriptor", limit: 1 } as const;
    const candidate = { account: "", descriptor: "", person: null, vector: others[123]! };
    expect(all[77 * 401 + 123]).toBe(plainScan(CARD, [candidate], wish)[0]!.similarity);
  });
});

/** Empty databases that two processes can have open. */
const DATABASES: Readonly<Record<string, () => Promise<{ open(): Promise<Store>; remove(): Promise<void> }>>> = {
  async SQLite() {
    const folder = temporaryFolder("gallery-");
    return { open: () => openStore(folder), remove: async () => {} };
  },
  PostgreSQL: openPostgresStore,
};

describe.each(Object.keys(DATABASES))("freshness on %s", (name) => {
  const isMissing = name === "PostgreSQL" && !hasPostgres();
  test.skipIf(isMissing)("after each of many changes by two processes, both find what a plain loop finds", async () => {
    const database = await DATABASES[name]!();
    closing.push({ close: () => database.remove() });
    const stores = [closed(await database.open()), closed(await database.open())];
    const galleries = [closed(galleryOf(stores[0]!)), closed(galleryOf(stores[1]!, { threads: 2 }))];
    const account = await makeAccount(stores[0]!.gallery);
    const random = randomNumbers(1);
    const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
    const persons: string[] = [];
    const descriptors: string[] = [];
    const lists: { readonly id: string; readonly type: "persons" | "descriptors" }[] = [];
    const steps: readonly ((store: Store) => Promise<unknown>)[] = [
      async ({ gallery }) => descriptors.push(await enrol(gallery, account, vector())),
      async ({ gallery }) => descriptors.push(await enrol(gallery, account, vector())),
      async ({ gallery }) => persons.push(await enrolPerson(gallery, account, [vector(), vector()])),
      async ({ gallery }) => gallery.links.attach(account, pick(persons), pick(descriptors)),
      async ({ gallery }) => {
        const [person] = (await gallery.persons.page(account, {}, { page: 1, pageSize: 100 })).items
          .filter(({ descriptors: own }) => own.length > 0)
          .sort(() => random() - 0.5);
        if (person) await gallery.links.detach(account, person.id, person.descriptors[0]!);
      },
      async ({ gallery }) => {
        const list = pick(lists);
        const members = list.type === "persons" ? persons : descriptors;
        await join(gallery, account, list.id, list.type, [pick(members), pick(members)]);
      },
      async ({ gallery }) => {
        const list = pick(lists);
        const members = list.type === "persons" ? persons : descriptors;
        await join(gallery, account, list.id, list.type, [pick(members)], "detach");
      },
      async ({ gallery }) => {
        if (random() < 0.4)
          await gallery.persons.remove(account, persons.splice(Math.floor(random() * persons.length), 1)[0]!);
      },
      async ({ gallery }) => {
        if (random() < 0.3) await gallery.lists.remove(account, [lists.splice(Math.floor(random() * 3), 1)[0]!.id]);
      },
      // Deletes those that belong to nothing.
      async ({ gallery }) => random() < 0.2 && gallery.descriptors.collect(Date.now() + 1000, 100),
    ];
    const probe = vector();
    for (let round = 0; round < 120; round++) {
      const store = pick(stores);
      while (lists.length < 4) {
        const type = lists.filter((list) => list.type === "persons").length < 2 ? "persons" : "descriptors";
        lists.push({ id: await store.gallery.lists.create(account, type, ""), type });
      }
      await (round < 6 ? steps[round % 3]! : pick(steps))(store);
      const list = pick(lists);
      const candidates = await membersOf(store, account, list);
      const wish = { by: list.type === "persons" ? "person" : "descriptor", probes: [probe], limit: 5 } as const;
      const expected = plainScan(CARD, candidates, wish);
      for (const gallery of galleries) {
        expect(await gallery.search({ ...wish, account, candidates: { list: list.id } })).toEqual(expected);
      }
    }
    // What was taken over bit by bit is what is loaded at once.
    const again = closed(galleryOf(stores[0]!));
    for (const { id } of lists) {
      const ids = await found(again, account, probe, id);
      for (const gallery of galleries) expect(await found(gallery, account, probe, id)).toEqual(ids);
    }
    expect(again.state().descriptors).toBe(galleries[0]!.state().descriptors);
    expect(again.state().descriptors).toBe(galleries[1]!.state().descriptors);
  });
});

describe("freshness", () => {
  test("a hint over the bus makes others take over what was committed, without a search", async () => {
    const folder = temporaryFolder("gallery-");
    const stores = [closed(await openStore(folder)), closed(await openStore(folder))];
    const account = await makeAccount(stores[0]!.gallery);
    const bus = closed(new MemoryBus());
    const settings = { threads: 1 };
    const catalog = { list: () => [] };
    const open = stores.map(({ gallery: { changes } }) =>
      closed(openGallery({ settings, changes, catalog, logger: SILENT })),
    );
    for (const each of open) await each.connect(bus);
    await eventually(() => open.every(({ health }) => health().status === "ok"));
    await enrol(stores[0]!.gallery, account, vector());
    await eventually(() => open.every(({ gallery }) => gallery.state().descriptors === 1));
  });

  test("a gallery that is behind changes that were deleted already loads anew and finds everything", async () => {
    const folder = temporaryFolder("gallery-");
    const [store, other] = [closed(await openStore(folder)), closed(await openStore(folder))];
    const account = await makeAccount(store.gallery);
    const list = await store.gallery.lists.create(account, "descriptors", "");
    const probe = vector();
    const first = await enrol(store.gallery, account, vector(), list);
    const gallery = closed(galleryOf(other));
    expect(await found(gallery, account, probe, list)).toEqual([first]);
    const second = await enrol(store.gallery, account, probe, list);
    await join(store.gallery, account, list, "descriptors", [first], "detach");
    await store.gallery.changes.prune({ olderThan: Date.now() + 1000, keep: 0 });
    expect(await found(gallery, account, probe, list)).toEqual([second]);
    expect(await found(gallery, account, probe, list)).toEqual([second]);
  });

  test("a gallery that has to load anew does so once, however much is committed meanwhile", async () => {
    const folder = temporaryFolder("gallery-");
    const [store, other] = [closed(await openStore(folder)), closed(await openStore(folder))];
    const account = await makeAccount(store.gallery);
    const list = await store.gallery.lists.create(account, "descriptors", "");
    const probe = vector();
    const ids = [await enrol(store.gallery, account, probe, list)];
    const { changes } = other.gallery;
    let loadings = 0;
    const gallery = closed(
      galleryOf(other, {
        changes: altered(changes, {
          async after(position, limit) {
            // Behind the look for the newest position, before that of the loading.
            const told = await changes.after(position, limit);
            if (told === undefined) ids.push(await enrol(store.gallery, account, probe, list));
            return told;
          },
          descriptors(next, limit) {
            loadings++;
            return changes.descriptors(next, limit);
          },
        }),
      }),
    );
    expect(await found(gallery, account, probe, list)).toEqual(ids);
    ids.push(await enrol(store.gallery, account, probe, list));
    await store.gallery.changes.prune({ olderThan: Date.now() + 1000, keep: 0 });
    const search = { account, probes: [probe], candidates: { list }, by: "descriptor", limit: 100 } as const;
    const matches = await gallery.search({ ...search, deadline: Date.now() + 10_000 });
    expect(matches.map(({ descriptor }) => descriptor)).toEqual(ids.toSorted());
    expect(loadings).toBe(2);
  });

  test("searches that are on their way while a gallery loads anew miss nothing", async () => {
    const store = closed(await openMemoryStore());
    const account = await makeAccount(store.gallery);
    const list = await store.gallery.lists.create(account, "descriptors", "");
    const probe = vector();
    const all = Array.from({ length: 3000 }, () => ({ id: crypto.randomUUID(), ...vector() }));
    await store.gallery.descriptors.create(account, all);
    await join(store.gallery, account, list, "descriptors", ids(all));
    const { changes } = store.gallery;
    let isBehind = false;
    const gallery = closed(
      galleryOf(store, {
        changes: altered(changes, {
          async after(position, limit) {
            if (!isBehind) return changes.after(position, limit);
            isBehind = false;
            return undefined;
          },
        }),
      }),
    );
    const expected = (await found(gallery, account, probe, list)).length;
    expect(expected).toBe(100);
    const searches = Array.from({ length: 300 }, () => found(gallery, account, probe, list));
    await searches[0];
    isBehind = true;
    await enrol(store.gallery, account, vector());
    searches.push(found(gallery, account, probe, list));
    const counts = (await Promise.all(searches)).map((matches) => matches.length);
    expect(isBehind).toBe(false);
    expect(new Set(counts)).toEqual(new Set([expected]));
  });

  test("what is committed while everything is loaded is found", async () => {
    const store = closed(await openMemoryStore());
    const { changes } = store.gallery;
    const account = await makeAccount(store.gallery);
    const list = await store.gallery.lists.create(account, "persons", "");
    const probe = vector();
    const before = await enrolPerson(store.gallery, account, [vector()], list);
    const removed = await enrolPerson(store.gallery, account, [vector()], list);
    let during: Promise<string> | undefined;
    const gallery = closed(
      galleryOf(store, {
        changes: altered(changes, {
          async members(next, limit) {
            // Behind the pages of descriptors, before those of members.
            during ??= (async () => {
              await store.gallery.persons.remove(account, removed);
              return enrolPerson(store.gallery, account, [probe], list);
            })();
            await during;
            return changes.members(next, limit);
          },
        }),
      }),
    );
    const persons = await found(gallery, account, probe, list, "person");
    expect(persons).toEqual([await during!, before]);
  });
});

describe("what breaks", () => {
  test("a search waits while the gallery is loaded, until its deadline; the state says so", async () => {
    const store = closed(await openMemoryStore());
    const account = await makeAccount(store.gallery);
    const list = await store.gallery.lists.create(account, "descriptors", "");
    const probe = vector();
    const id = await enrol(store.gallery, account, probe, list);
    const gate = Promise.withResolvers<void>();
    const gallery = closed(
      galleryOf(store, {
        changes: altered(store.gallery.changes, {
          async descriptors(next, limit) {
            await gate.promise;
            return store.gallery.changes.descriptors(next, limit);
          },
        }),
      }),
    );
    const asked = { account, probes: [probe], candidates: { list }, by: "descriptor", limit: 1 } as const;
    const late = await rejection(gallery.search({ ...asked, deadline: Date.now() + 20 }));
    expect(late.code).toBe("deadline_exceeded");
    expect(gallery.state()).toMatchObject({ loaded: false, descriptors: 0 });
    const waiting = gallery.search({ ...asked, deadline: Date.now() + 20_000 });
    gate.resolve();
    expect((await waiting)[0]?.descriptor).toBe(id);
    expect(gallery.state()).toMatchObject({ loaded: true, descriptors: 1 });
  });

  test("without the database a search is refused at once; with it again it is answered without a restart", async () => {
    const store = closed(await openMemoryStore());
    const account = await makeAccount(store.gallery);
    const list = await store.gallery.lists.create(account, "descriptors", "");
    const probe = vector();
    const id = await enrol(store.gallery, account, probe, list);
    let isGone = true;
    const guard = <T>(work: () => Promise<T>): Promise<T> =>
      isGone ? Promise.reject(new FacewireError("store_unavailable", "gone")) : work();
    const { changes } = store.gallery;
    const gallery = closed(
      galleryOf(store, {
        changes: altered(changes, {
          position: () => guard(() => changes.position()),
          descriptors: (next, limit) => guard(() => changes.descriptors(next, limit)),
        }),
      }),
    );
    expect((await rejection(found(gallery, account, probe, list))).code).toBe("store_unavailable");
    expect(gallery.failure()?.code).toBe("store_unavailable");
    isGone = false;
    await eventually(() => gallery.state().loaded);
    expect(await found(gallery, account, probe, list)).toEqual([id]);
    isGone = true;
    expect((await rejection(found(gallery, account, probe, list))).code).toBe("store_unavailable");
    isGone = false;
    expect(await found(gallery, account, probe, list)).toEqual([id]);
  });

  test("when a thread dies its searches get a coded error, and the gallery loads itself again", async () => {
    const store = closed(await openMemoryStore());
    const account = await makeAccount(store.gallery);
    const list = await store.gallery.lists.create(account, "descriptors", "");
    const probe = vector();
    const ids: string[] = [];
    for (let i = 0; i < 8; i++) ids.push(await enrol(store.gallery, account, probe, list));
    const entry = new URL("./mortal-thread.ts", import.meta.url);
    const gallery: LiveGallery = closed(galleryOf(store, { threads: 2, entry }));
    expect(await found(gallery, account, probe, list)).toEqual(ids.sort());
    expect((await rejection(found(gallery, "die", probe, list))).code).toBe("store_unavailable");
    // No wait in between: it waits for the new thread by itself.
    expect(await found(gallery, account, probe, list)).toEqual(ids.sort());
    expect(gallery.restarts()).toBe(2);
  });

  test("when a change cannot be taken over nothing is found without it; the gallery loads itself again", async () => {
    const store = closed(await openMemoryStore());
    const { changes } = store.gallery;
    const account = await makeAccount(store.gallery);
    const list = await store.gallery.lists.create(account, "descriptors", "");
    const probe = vector();
    const known = await enrol(store.gallery, account, probe, list);
    const isTaken = [false, true];
    const gallery = closed(
      galleryOf(store, {
        changes: altered(changes, {
          async after(position, limit) {
            const told = await changes.after(position, limit);
            if (isTaken.shift() ?? true) return told;
            return told!.map((change) => ({ ...change, vector: undefined }) as unknown as GalleryChange);
          },
        }),
      }),
    );
    expect(await found(gallery, account, probe, list)).toEqual([known]);
    const added = await enrol(store.gallery, account, probe, list);
    expect((await rejection(found(gallery, account, probe, list))).code).toBe("store_unavailable");
    await eventually(() => gallery.state().loaded);
    expect(await found(gallery, account, probe, list)).toEqual([known, added].sort());
  });

  test("closing lets searches that wait for others end or be refused as closed", async () => {
    const store = closed(await openMemoryStore());
    const account = await makeAccount(store.gallery);
    const list = await store.gallery.lists.create(account, "descriptors", "");
    const probe = vector();
    await enrol(store.gallery, account, probe, list);
    const gallery = galleryOf(store);
    await found(gallery, account, probe, list);
    const codes = Array.from({ length: 100 }, () => codeOf(found(gallery, account, probe, list)));
    await codes[0];
    codes.push(codeOf(found(gallery, account, probe, list)), codeOf(gallery.compare([probe], [probe])));
    await gallery.close();
    expect(new Set(await Promise.all(codes))).toEqual(new Set([undefined, "shutting_down"]));
  });

  test("closing rejects what waits, and what comes later", async () => {
    const store = closed(await openMemoryStore());
    const account = await makeAccount(store.gallery);
    const never = new Promise<never>(() => {});
    const gallery = galleryOf(store, { changes: altered(store.gallery.changes, { descriptors: () => never }) });
    const waiting = rejection(found(gallery, account, vector(), crypto.randomUUID()));
    await gallery.close();
    expect((await waiting).code).toBe("shutting_down");
    expect((await rejection(found(gallery, account, vector(), crypto.randomUUID()))).code).toBe("shutting_down");
    expect((await rejection(gallery.compare([vector()], [vector()]))).code).toBe("shutting_down");
  });
});

describe("what goes", () => {
  test("leaves nothing in memory: lists that come and go take no more than one", async () => {
    const store = closed(await openMemoryStore());
    const account = await makeAccount(store.gallery);
    const persons = Array.from({ length: 400 }, () => crypto.randomUUID());
    for (const id of persons) await store.gallery.persons.create(account, { id, userData: "", externalId: "" });
    const gallery = closed(galleryOf(store));
    const sizes: number[] = [];
    for (let round = 0; round < 25; round++) {
      const list = await store.gallery.lists.create(account, "persons", "");
      await join(store.gallery, account, list, "persons", persons);
      await found(gallery, account, vector(), list);
      await store.gallery.lists.remove(account, [list]);
      await found(gallery, account, vector(), list);
      await gallery.hint();
      sizes.push(gallery.state().bytes);
    }
    expect(sizes.at(-1)).toBe(sizes[1]!);
  });
});

/** A list of so many descriptors that a scan takes milliseconds, and some of them to look for. */
async function manyOnAList(store: Store, account: string): Promise<{ list: string; probes: readonly Vector[] }> {
  const many = Array.from({ length: 10_000 }, () => ({ id: crypto.randomUUID(), ...vector() }));
  await store.gallery.descriptors.create(account, many);
  const list = await store.gallery.lists.create(account, "descriptors", "");
  const members = many.map(({ id }) => id);
  await join(store.gallery, account, list, "descriptors", members);
  return { list, probes: many.slice(0, 20) };
}

/** The code of what a promise was rejected with; undefined where it was not. */
async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: FacewireError) => error.code,
  );
}

function ids(all: readonly { readonly id: string }[]): readonly string[] {
  return all.map(({ id }) => id);
}

/** What a list leads to, by the repositories. */
async function membersOf(
  { gallery }: Store,
  account: string,
  list: { readonly id: string; readonly type: "persons" | "descriptors" },
) {
  const page = { page: 1, pageSize: 1000 };
  if (list.type === "descriptors") {
    const { items } = await gallery.lists.descriptors(account, list.id, page);
    const vectors = await gallery.descriptors.vectors(
      account,
      items.map(({ id }) => id),
    );
    return items.map(({ id, personId }) => ({ account, descriptor: id, person: personId, vector: vectors.get(id)! }));
  }
  const { items } = await gallery.lists.persons(account, list.id, page);
  const all = await Promise.all(
    items.map(async ({ id }) => ({ id, own: await gallery.descriptors.ofPerson(account, id) })),
  );
  return all.flatMap(({ id, own }) =>
    [...own!].map(([descriptor, values]) => ({ account, descriptor, person: id, vector: values })),
  );
}
