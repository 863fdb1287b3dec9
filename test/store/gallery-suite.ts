/** What every database has to do for accounts and what they own. A part of the store's suite. */
import { beforeEach, describe, expect, test } from "bun:test";
import type { GalleryChange } from "../../src/store/gallery/changes.ts";
import type { Account, NewDescriptor, NewPerson } from "../../src/store/gallery/records.ts";
import type { Store } from "../../src/store/store.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ALL = { page: 1, pageSize: 1_000 };
const nobody = crypto.randomUUID();

export function person(changes: Partial<NewPerson> = {}): NewPerson {
  return { id: crypto.randomUUID(), userData: "", externalId: "", ...changes };
}

export function descriptor(changes: Partial<NewDescriptor> = {}): NewDescriptor {
  return {
    id: crypto.randomUUID(),
    model: "model",
    version: "1",
    values: Float32Array.of(0.25, -1.5, 3e-20),
    ...changes,
  };
}

/** Defines the tests. `current` is the open store of the test; `another` opens one more on the same database. */
export function gallerySuite(current: () => Store, another: () => Promise<Store>): void {
  describe("galleries", () => {
    let store: Store;
    let account: string;
    let stranger: string;
    beforeEach(async () => {
      store = current();
      account = await newAccount("a@example.org");
      stranger = await newAccount("b@example.org");
    });

    async function newAccount(email: string): Promise<string> {
      const made = await store.gallery.accounts.create(wish(email));
      return made?.account.id ?? "";
    }
    const wish = (email: string) => ({ organizationName: "o", email, passwordHash: "hash", tokenData: "first token" });

    async function kept(changes: Partial<NewDescriptor> = {}, owner = account): Promise<string> {
      const made = descriptor(changes);
      await store.gallery.descriptors.create(owner, [made]);
      return made.id;
    }
    async function enrolled(changes: Partial<NewPerson> = {}, owner = account): Promise<string> {
      const made = person(changes);
      await store.gallery.persons.create(owner, made);
      return made.id;
    }
    const join = (list: string, type: "persons" | "descriptors", members: readonly string[], owner = account) =>
      store.gallery.links.setMembership(owner, { list, type, action: "attach", members });
    const leave = (list: string, type: "persons" | "descriptors", members: readonly string[]) =>
      store.gallery.links.setMembership(account, { list, type, action: "detach", members });
    /** Positions have no gaps, each at most once from its transaction. */
    async function since(position: number): Promise<readonly GalleryChange[]> {
      return (await store.gallery.changes.after(position, 10_000)) ?? [];
    }

    describe("accounts", () => {
      test("come with a first token that is a UUID and verifies, and are found by their e-mail in any letter case", async () => {
        const made = await store.gallery.accounts.create(wish("Ünit@Example.org"));
        expect(made?.token).toMatch(UUID);
        expect(made?.account).toMatchObject({ email: "Ünit@Example.org", suspended: false, organizationName: "o" });
        const found = await store.gallery.accountTokens.verify(made?.token ?? "");
        expect(found).toEqual({
          account: made?.account as never,
          token: { id: expect.any(String), data: "first token" },
        });
        expect(found?.token.id).not.toBe(made?.token);
        expect(await store.gallery.accounts.byEmail("üNIT@eXAMPLE.ORG")).toEqual({
          ...(made?.account as Account),
          passwordHash: "hash",
        });
        expect(await store.gallery.accounts.get(made?.account.id ?? "")).toEqual(made?.account as never);
      });

      test("have an e-mail that nobody else can have, also when two ask at once", async () => {
        expect(await store.gallery.accounts.create(wish("A@EXAMPLE.ORG"))).toBeUndefined();
        const other = await another();
        try {
          const racers = [store, other, store].map(({ gallery }) => gallery.accounts.create(wish("race@example.org")));
          expect((await Promise.all(racers)).filter((made) => made !== undefined)).toHaveLength(1);
        } finally {
          await other.close();
        }
        expect(await store.gallery.accounts.list()).toHaveLength(3);
      });

      test("are suspended and resumed, and their tokens tell so", async () => {
        const { secret } = await store.gallery.accountTokens.create(account, "t");
        expect(await store.gallery.accounts.setSuspended(account, true)).toBe(true);
        expect((await store.gallery.accountTokens.verify(secret))?.account.suspended).toBe(true);
        await store.gallery.accounts.setSuspended(account, false);
        expect((await store.gallery.accounts.get(account))?.suspended).toBe(false);
        expect(await store.gallery.accounts.setSuspended(nobody, true)).toBe(false);
      });

      test("take everything they own with them, and nothing of others", async () => {
        const { gallery } = store;
        for (const owner of [account, stranger]) {
          const list = await gallery.lists.create(owner, "persons", "l");
          await gallery.lists.create(owner, "descriptors", "d");
          const sample = { kind: "warp", bytes: Uint8Array.of(1), width: 250, height: 250 } as const;
          await gallery.descriptors.create(owner, [descriptor({ sample })], { person: person(), list });
          await gallery.handlers.ensure(owner, "identify", () => ({}));
        }
        const { secret } = await gallery.accountTokens.create(account, "t");
        const before = await gallery.changes.position();
        expect(await gallery.accounts.remove(account)).toBe(true);
        expect(await gallery.accounts.remove(account)).toBe(false);
        expect(await gallery.accounts.byEmail("a@example.org")).toBeUndefined();
        expect(await gallery.accountTokens.verify(secret)).toBeUndefined();
        expect((await gallery.changes.descriptors(undefined, 10)).items.map((item) => item.account)).toEqual([
          stranger,
        ]);
        expect((await gallery.changes.members(undefined, 10)).items.map((item) => item.account)).toEqual([stranger]);
        expect((await since(before)).map(({ kind }) => kind).sort()).toEqual([
          "descriptor-removed",
          "list-removed",
          "list-removed",
          "person-removed",
        ]);
        expect(await gallery.accounts.create(wish("a@example.org"))).toBeDefined();
      });

      test("go also while requests that were let in before are under way, with what these have stored", async () => {
        const { accounts, descriptors, lists } = store.gallery;
        const requests = Array.from({ length: 4 }, async () => {
          for (let i = 0; i < 20; i++) {
            await lists.create(account, "persons", "");
            await descriptors.create(account, [descriptor()], { person: person() });
          }
        });
        const [isGone] = await Promise.all([accounts.remove(account), Promise.allSettled(requests)]);
        expect(isGone).toBe(true);
        expect(await accounts.get(account)).toBeUndefined();
        expect((await store.gallery.changes.descriptors(undefined, 100)).items).toEqual([]);
      });
    });

    describe("tokens of accounts", () => {
      test("are known by their secret in any letter case, and never show it again", async () => {
        const { secret, id } = await store.gallery.accountTokens.create(account, "camera");
        expect(secret).toMatch(UUID);
        expect((await store.gallery.accountTokens.verify(secret.toUpperCase()))?.token).toEqual({ id, data: "camera" });
        for (const wrong of [id, "", nobody]) expect(await store.gallery.accountTokens.verify(wrong)).toBeUndefined();
        expect(JSON.stringify(await store.gallery.accountTokens.page(account, ALL))).not.toContain(secret);
      });

      test("are listed oldest first, in pages with the number of all", async () => {
        for (const data of ["1", "2", "3"]) await store.gallery.accountTokens.create(account, data);
        const page = (number: number) => store.gallery.accountTokens.page(account, { page: number, pageSize: 3 });
        expect((await page(1)).items.map(({ data }) => data)).toEqual(["first token", "1", "2"]);
        expect(await page(2)).toMatchObject({ items: [{ data: "3" }], count: 4 });
        expect(await page(3)).toEqual({ items: [], count: 4 });
      });

      test("are named by their id or by themselves, and only by their own account", async () => {
        const { gallery } = store;
        const { secret, id } = await gallery.accountTokens.create(account, "old");
        for (const name of [id, secret]) {
          expect(await gallery.accountTokens.get(account, name)).toEqual({ id, data: "old" });
          expect(await gallery.accountTokens.get(stranger, name)).toBeUndefined();
          expect(await gallery.accountTokens.update(stranger, name, "x")).toBe(false);
          expect(await gallery.accountTokens.remove(stranger, [name])).toEqual([]);
        }
        expect(await gallery.accountTokens.update(account, secret, "new")).toBe(true);
        expect(await gallery.accountTokens.get(account, id)).toEqual({ id, data: "new" });
      });

      test("are refused as soon as they are deleted; unknown ones are passed over", async () => {
        const { gallery } = store;
        const [a, b] = [
          await gallery.accountTokens.create(account, "a"),
          await gallery.accountTokens.create(account, "b"),
        ];
        const removed = await gallery.accountTokens.remove(account, [a.id, b.secret, nobody]);
        expect([...removed].sort()).toEqual([a.id, b.id].sort());
        for (const { secret } of [a, b]) expect(await gallery.accountTokens.verify(secret)).toBeUndefined();
        expect((await gallery.accountTokens.page(account, ALL)).count).toBe(1);
      });
    });

    describe("descriptors", () => {
      test("come back as they were kept: numbers bit for bit, model, version and sample", async () => {
        const sample = { kind: "portrait", bytes: Uint8Array.of(0, 255, 7), width: 188, height: 250 } as const;
        const memory = Float32Array.of(9, 0.1, -0.2, Number.MIN_VALUE, 9);
        const given = descriptor({ values: memory.subarray(1, 4), sample });
        const before = Date.now();
        expect(await store.gallery.descriptors.create(account, [given])).toBe(true);
        const record = await store.gallery.descriptors.get(account, given.id);
        expect(record).toEqual({
          id: given.id,
          model: "model",
          version: "1",
          lastUpdate: expect.any(Number),
          personId: null,
          lists: [],
        });
        expect(record?.lastUpdate).toBeGreaterThanOrEqual(before);
        const vector = (await store.gallery.descriptors.vectors(account, [given.id, nobody])).get(given.id);
        expect(vector).toEqual({ model: "model", version: "1", values: Float32Array.from(given.values) });
        const found = await store.gallery.descriptors.sample(account, given.id);
        expect(found && { ...found, bytes: [...found.bytes] }).toEqual({ ...sample, bytes: [0, 255, 7] } as never);
        expect(await store.gallery.descriptors.sample(account, await kept())).toBeUndefined();
      });

      test("are kept all or none", async () => {
        const twice = descriptor();
        await expect(store.gallery.descriptors.create(account, [descriptor(), twice, twice])).rejects.toThrow();
        expect(await store.gallery.descriptors.page(account, ALL)).toEqual({ items: [], count: 0 });
      });

      test("that come at once are stored together, and one that cannot be stored takes no other with it", async () => {
        const { descriptors, changes } = store.gallery;
        const before = await changes.position();
        const made = Array.from({ length: 100 }, () => descriptor({ values: Float32Array.of(Math.random()) }));
        const owners = [account, stranger];
        const kept = await Promise.all(made.map((one, at) => descriptors.create(owners[at % 2]!, [one])));
        expect(kept).toEqual(made.map(() => true));
        expect((await changes.position()) - before).toBeLessThan(50);
        const of = async (owner: string) => [
          ...(
            await descriptors.vectors(
              owner,
              made.map(({ id }) => id),
            )
          ).keys(),
        ];
        const ids = made.map(({ id }) => id);
        expect((await of(account)).sort()).toEqual(ids.filter((_, at) => at % 2 === 0).sort());
        expect((await of(stranger)).sort()).toEqual(ids.filter((_, at) => at % 2 === 1).sort());

        const more = Array.from({ length: 9 }, () => descriptor());
        const outcomes = await Promise.allSettled(
          more.map((one, at) => descriptors.create(at === 4 ? nobody : account, [one])),
        );
        expect(outcomes.map(({ status }) => status === "fulfilled")).toEqual(more.map((_, at) => at !== 4));
        expect((await descriptors.page(account, ALL)).count).toBe(58);
      });

      test("are enrolled with a person who joins a list, or not at all where that is no list of persons", async () => {
        const { gallery } = store;
        const list = await gallery.lists.create(account, "persons", "l");
        const wrong = [
          await gallery.lists.create(account, "descriptors", "d"),
          await gallery.lists.create(stranger, "persons", "s"),
          nobody,
        ];
        for (const bad of wrong) {
          expect(await gallery.descriptors.create(account, [descriptor()], { person: person(), list: bad })).toBe(
            false,
          );
        }
        expect((await gallery.persons.page(account, {}, ALL)).count).toBe(0);
        const [made, who] = [descriptor(), person({ userData: "u" })];
        expect(await gallery.descriptors.create(account, [made], { person: who, list })).toBe(true);
        expect(await gallery.persons.get(account, who.id)).toMatchObject({ descriptors: [made.id], lists: [list] });
        expect(await gallery.lists.get(account, list)).toMatchObject({ count: 1 });
        expect((await gallery.descriptors.get(account, made.id))?.personId).toBe(who.id);
      });

      test("of a person are told with their numbers; nothing for a person without, undefined for none", async () => {
        const { gallery } = store;
        const [first, second, who] = [descriptor(), descriptor({ version: "2" }), person()];
        await gallery.descriptors.create(account, [first, second], { person: who });
        const found = await gallery.descriptors.ofPerson(account, who.id);
        expect([...(found?.keys() ?? [])].sort()).toEqual([first.id, second.id].sort());
        expect(found?.get(second.id)?.version).toBe("2");
        expect(await gallery.descriptors.ofPerson(account, await enrolled())).toEqual(new Map());
        expect(await gallery.descriptors.ofPerson(account, nobody)).toBeUndefined();
        expect(await gallery.descriptors.ofPerson(stranger, who.id)).toBeUndefined();
      });

      test("of other accounts are as if they did not exist", async () => {
        const { gallery } = store;
        const sample = { kind: "warp", bytes: Uint8Array.of(1), width: 250, height: 250 } as const;
        const id = await kept({ sample });
        expect(await gallery.descriptors.get(stranger, id)).toBeUndefined();
        expect(await gallery.descriptors.sample(stranger, id)).toBeUndefined();
        expect((await gallery.descriptors.vectors(stranger, [id])).size).toBe(0);
        expect(await gallery.descriptors.unknown(stranger, [id])).toEqual([id]);
        expect(await gallery.descriptors.unknown(account, [nobody, id])).toEqual([nobody]);
        expect(await gallery.descriptors.page(stranger, ALL)).toEqual({ items: [], count: 0 });
      });

      test("that belong to nothing are collected when their time is over, with their samples", async () => {
        const { gallery } = store;
        const sample = { kind: "warp", bytes: Uint8Array.of(1), width: 250, height: 250 } as const;
        const [loose, held, listed] = [await kept({ sample }), await kept(), await kept()];
        const who = await enrolled();
        await gallery.links.attach(account, who, held);
        const list = await gallery.lists.create(account, "descriptors", "l");
        await join(list, "descriptors", [listed]);
        const born = (await gallery.descriptors.get(account, loose))?.lastUpdate ?? 0;
        expect(await gallery.descriptors.collect(born, 10)).toBe(0);
        const before = await gallery.changes.position();
        expect(await gallery.descriptors.collect(Date.now() + 1_000, 10)).toBe(1);
        expect(await since(before)).toMatchObject([{ kind: "descriptor-removed", descriptor: loose }]);
        expect(await gallery.descriptors.sample(account, loose)).toBeUndefined();
        const left = await gallery.descriptors.page(account, ALL);
        expect(left.items.map(({ id }) => id).sort()).toEqual([held, listed].sort());
        expect(left.count).toBe(2);
      });

      test("that were detached from the last they belonged to live as long as new ones", async () => {
        const { gallery } = store;
        const [fromPerson, fromList, fromDeletedPerson, fromDeletedList] = [
          await kept(),
          await kept(),
          await kept(),
          await kept(),
        ];
        const [leaver, deleted] = [await enrolled(), await enrolled()];
        const [list, other] = [
          await gallery.lists.create(account, "descriptors", "l"),
          await gallery.lists.create(account, "descriptors", "o"),
        ];
        await gallery.links.attach(account, leaver, fromPerson);
        await gallery.links.attach(account, deleted, fromDeletedPerson);
        await join(list, "descriptors", [fromList]);
        await join(other, "descriptors", [fromDeletedList, fromPerson]);
        // Later than all that: what is done from here on has a later time.
        const cut = await laterThanNow();
        await gallery.links.detach(account, leaver, fromPerson);
        await leave(list, "descriptors", [fromList]);
        await gallery.persons.remove(account, deleted);
        expect(await gallery.descriptors.collect(Number.MAX_SAFE_INTEGER, 10)).toBe(2);
        expect(await gallery.descriptors.unknown(account, [fromPerson, fromDeletedList])).toEqual([]);
        await gallery.lists.remove(account, [other]);
        expect((await gallery.descriptors.get(account, fromPerson))?.lastUpdate).toBeGreaterThanOrEqual(cut);
        expect(await gallery.descriptors.collect(cut, 10)).toBe(0);
        expect(await gallery.descriptors.collect(Number.MAX_SAFE_INTEGER, 1)).toBe(1);
        expect(await gallery.descriptors.collect(Number.MAX_SAFE_INTEGER, 10)).toBe(1);
      });
    });

    describe("persons", () => {
      test("come back as they were kept and changed", async () => {
        const { gallery } = store;
        const id = await enrolled({ userData: "M.K.", externalId: "1" });
        expect(await gallery.persons.update(account, id, { userData: "N" })).toBe(true);
        expect(await gallery.persons.get(account, id)).toEqual({
          id,
          userData: "N",
          externalId: "1",
          createdAt: expect.any(Number),
          descriptors: [],
          lists: [],
        });
        expect(await gallery.persons.update(account, id, { externalId: "" })).toBe(true);
        expect(await gallery.persons.named(account, [id, nobody])).toEqual(
          new Map([[id, { id, userData: "N", externalId: "" }]]),
        );
        expect(await gallery.persons.update(account, id, {})).toBe(true);
        expect(await gallery.persons.update(account, nobody, {})).toBe(false);
      });

      test("are found by a part of their data with letter case and without wildcards, and by their whole external id", async () => {
        const all = ["100% Bob", "100 bob", "a_b", "axb", "Ärger", "back\\slash", "quo'te", "[x]*?"];
        for (const userData of all) await enrolled({ userData, externalId: userData });
        const found = async (filter: { userData?: string; externalId?: string }) => {
          const { items, count } = await store.gallery.persons.page(account, filter, ALL);
          expect(count).toBe(items.length);
          return items.map(({ userData }) => userData).sort();
        };
        for (const part of ["%", "_", "Bob", "bob", "Är", "är", "\\", "'", "[x]", "*", "o", " ", "nobody"]) {
          expect(await found({ userData: part })).toEqual(all.filter((data) => data.includes(part)).sort());
        }
        expect(await found({ userData: "" })).toHaveLength(all.length);
        expect(await found({ externalId: "100% Bob" })).toEqual(["100% Bob"]);
        for (const none of ["100%", "100% bob", ""]) expect(await found({ externalId: none })).toEqual([]);
        expect(await found({ userData: "bob", externalId: "100% Bob" })).toEqual([]);
      });

      test("leave their lists and free their descriptors when they are deleted", async () => {
        const { gallery } = store;
        const [who, face] = [await enrolled(), await kept()];
        const list = await gallery.lists.create(account, "persons", "l");
        await gallery.links.attach(account, who, face);
        await join(list, "persons", [who]);
        expect(await gallery.persons.remove(account, who)).toBe(true);
        expect(await gallery.persons.remove(account, who)).toBe(false);
        expect(await gallery.persons.get(account, who)).toBeUndefined();
        expect((await gallery.descriptors.get(account, face))?.personId).toBeNull();
        expect(await gallery.lists.get(account, list)).toMatchObject({ count: 0 });
        expect(await gallery.lists.persons(account, list, ALL)).toEqual({ items: [], count: 0 });
        expect((await gallery.persons.page(account, {}, ALL)).count).toBe(0);
      });

      test("of other accounts are as if they did not exist", async () => {
        const { gallery } = store;
        const id = await enrolled({ userData: "u", externalId: "e" });
        expect(await gallery.persons.get(stranger, id)).toBeUndefined();
        expect((await gallery.persons.named(stranger, [id])).size).toBe(0);
        expect(await gallery.persons.unknown(stranger, [id])).toEqual([id]);
        expect(await gallery.persons.update(stranger, id, { userData: "x" })).toBe(false);
        expect(await gallery.persons.remove(stranger, id)).toBe(false);
        for (const filter of [{}, { userData: "u" }, { externalId: "e" }]) {
          expect(await gallery.persons.page(stranger, filter, ALL)).toEqual({ items: [], count: 0 });
        }
        expect(await gallery.persons.get(account, id)).toMatchObject({ userData: "u" });
      });
    });

    describe("lists", () => {
      test("are made, changed, listed by type and deleted, several at once", async () => {
        const { gallery } = store;
        const first = await gallery.lists.create(account, "persons", "staff");
        const second = await gallery.lists.create(account, "persons", "");
        const faces = await gallery.lists.create(account, "descriptors", "wanted");
        expect(await gallery.lists.update(account, second, "guests")).toBe(true);
        expect(await gallery.lists.update(account, nobody, "x")).toBe(false);
        expect(await gallery.lists.page(account, "persons", ALL)).toEqual({
          items: [
            { id: second, type: "persons", data: "guests", count: 0 },
            { id: first, type: "persons", data: "staff", count: 0 },
          ],
          count: 2,
        });
        expect(await gallery.lists.page(account, "descriptors", ALL)).toMatchObject({ count: 1 });
        expect([...(await gallery.lists.remove(account, [first, nobody, faces]))].sort()).toEqual(
          [first, faces].sort(),
        );
        expect(await gallery.lists.remove(account, [first])).toEqual([]);
        expect(await gallery.lists.get(account, first)).toBeUndefined();
        expect((await gallery.lists.page(account, "persons", ALL)).items.map(({ id }) => id)).toEqual([second]);
        expect(await gallery.lists.page(account, "descriptors", ALL)).toEqual({ items: [], count: 0 });
      });

      test("leave their members where they are when they are deleted, also long lists", async () => {
        const { gallery } = store;
        const list = await gallery.lists.create(account, "descriptors", "long");
        const made = Array.from({ length: 2_100 }, () => descriptor());
        await gallery.descriptors.create(account, made);
        await join(
          list,
          "descriptors",
          made.map(({ id }) => id),
        );
        expect(await gallery.lists.get(account, list)).toMatchObject({ count: 2_100 });
        expect(await gallery.lists.remove(account, [list])).toEqual([list]);
        expect((await gallery.descriptors.page(account, ALL)).count).toBe(2_100);
        expect((await gallery.descriptors.get(account, made[0]?.id ?? ""))?.lists).toEqual([]);
        expect((await gallery.changes.members(undefined, 10)).items).toEqual([]);
      });

      test("of other accounts are as if they did not exist", async () => {
        const { gallery } = store;
        const list = await gallery.lists.create(account, "persons", "l");
        expect(await gallery.lists.get(stranger, list)).toBeUndefined();
        expect(await gallery.lists.update(stranger, list, "x")).toBe(false);
        expect(await gallery.lists.remove(stranger, [list])).toEqual([]);
        expect(await join(list, "persons", [], stranger)).toBe("list_unknown");
        const strange = await gallery.lists.create(stranger, "persons", "s");
        const theirs = await enrolled({}, stranger);
        expect(await join(list, "persons", [theirs])).toBe("member_unknown");
        expect(await join(strange, "persons", [theirs], stranger)).toBe("done");
        expect(await gallery.lists.get(account, list)).toMatchObject({ data: "l", count: 0 });
      });
    });

    describe("links", () => {
      test("of a descriptor to a person: it has at most one, and each refusal has its reason", async () => {
        const { links, persons, descriptors } = store.gallery;
        const [who, else_, face] = [await enrolled(), await enrolled(), await kept()];
        const theirs = await kept({}, stranger);
        expect(await links.attach(account, nobody, face)).toBe("person_unknown");
        expect(await links.attach(stranger, who, theirs)).toBe("person_unknown");
        expect(await links.attach(account, who, nobody)).toBe("descriptor_unknown");
        expect(await links.attach(account, who, theirs)).toBe("descriptor_unknown");
        expect(await links.detach(account, who, face)).toBe("not_attached");
        expect(await links.attach(account, who, face)).toBe("attached");
        expect(await links.attach(account, who, face)).toBe("taken");
        expect(await links.attach(account, else_, face)).toBe("taken");
        expect((await persons.get(account, who))?.descriptors).toEqual([face]);
        expect(await links.detach(account, else_, face)).toBe("not_attached");
        expect(await links.detach(account, nobody, face)).toBe("person_unknown");
        expect(await links.detach(account, who, nobody)).toBe("descriptor_unknown");
        expect(await links.detach(account, who, face)).toBe("detached");
        expect((await descriptors.get(account, face))?.personId).toBeNull();
      });

      test("of one descriptor by many at once succeed for exactly one, in all processes", async () => {
        const other = await another();
        try {
          for (let round = 0; round < 5; round++) {
            const face = await kept();
            const persons = await Promise.all(Array.from({ length: 6 }, () => enrolled()));
            const outcomes = await Promise.all(
              persons.map((who, at) => [store, other][at % 2]?.gallery.links.attach(account, who, face)),
            );
            expect(outcomes.filter((outcome) => outcome === "attached")).toHaveLength(1);
            expect(outcomes.filter((outcome) => outcome === "taken")).toHaveLength(5);
            const winner = persons[outcomes.indexOf("attached")];
            expect((await store.gallery.descriptors.get(account, face))?.personId).toBe(winner as string);
          }
        } finally {
          await other.close();
        }
      });

      test("to lists are made and ended for all or for none, and doing so again changes nothing", async () => {
        const { gallery } = store;
        const list = await gallery.lists.create(account, "persons", "l");
        const faces = await gallery.lists.create(account, "descriptors", "f");
        const [a, b, c] = [await enrolled(), await enrolled(), await enrolled()];
        expect(await join(nobody, "persons", [a])).toBe("list_unknown");
        expect(await join(faces, "persons", [a])).toBe("wrong_type");
        expect(await join(list, "persons", [a, nobody, b])).toBe("member_unknown");
        expect(await gallery.lists.get(account, list)).toMatchObject({ count: 0 });
        expect(await join(list, "persons", [a, b, a])).toBe("done");
        const position = await gallery.changes.position();
        expect(await join(list, "persons", [b])).toBe("done");
        expect(await leave(list, "persons", [c])).toBe("done");
        expect(await gallery.changes.position()).toBe(position);
        expect(await join(list, "persons", [b, c])).toBe("done");
        expect(await since(position)).toMatchObject([{ kind: "member", member: c, present: true }]);
        expect(await leave(list, "persons", [a, nobody])).toBe("member_unknown");
        expect(await leave(list, "persons", [a, c])).toBe("done");
        const { items, count } = await gallery.lists.persons(account, list, ALL);
        expect([items.map(({ id }) => id), count]).toEqual([[b], 1]);
        expect((await gallery.lists.get(account, list))?.count).toBe(1);
        expect((await gallery.persons.get(account, b))?.lists).toEqual([list]);
      });

      test("of thousands of members to a list are made and ended in one call", async () => {
        const { gallery } = store;
        const made = Array.from({ length: 3_000 }, () => descriptor());
        await gallery.descriptors.create(account, made);
        const ids = made.map(({ id }) => id);
        const list = await gallery.lists.create(account, "descriptors", "l");
        const before = await gallery.changes.position();
        expect(await join(list, "descriptors", ids)).toBe("done");
        expect(await since(before)).toHaveLength(3_000);
        expect((await gallery.lists.descriptors(account, list, { page: 3, pageSize: 1_000 })).items).toHaveLength(
          1_000,
        );
        expect(await leave(list, "descriptors", ids)).toBe("done");
        expect((await gallery.lists.get(account, list))?.count).toBe(0);
      });

      test("move the time of a descriptor's last update", async () => {
        const { gallery } = store;
        const [who, face] = [await enrolled(), await kept()];
        const list = await gallery.lists.create(account, "descriptors", "l");
        const steps = [
          () => gallery.links.attach(account, who, face),
          () => join(list, "descriptors", [face]),
          () => leave(list, "descriptors", [face]),
          () => gallery.links.detach(account, who, face),
        ];
        for (const step of steps) {
          const cut = await laterThanNow();
          expect((await gallery.descriptors.get(account, face))?.lastUpdate).toBeLessThan(cut);
          await step();
          expect((await gallery.descriptors.get(account, face))?.lastUpdate).toBeGreaterThanOrEqual(cut);
        }
      });
    });

    describe("handlers", () => {
      test("are made with the defaults once, changed by parts, and start anew in another account", async () => {
        const { handlers } = store.gallery;
        const made = await handlers.ensure(account, "identify", async () => ({ limit: 3, list_id: null }));
        expect(made).toEqual({
          id: expect.stringMatching(UUID),
          type: "identify",
          policies: { limit: 3, list_id: null },
          version: 1,
          createdAt: expect.any(Number),
          updatedAt: made.createdAt,
        });
        expect(await handlers.ensure(account, "identify", () => ({ limit: 5 }))).toEqual(made);
        expect(await handlers.change(account, "identify", { limit: 4 })).toMatchObject({
          id: made.id,
          policies: { limit: 4, list_id: null },
          version: 2,
        });
        expect(await handlers.change(account, "verify", { limit: 4 })).toBeUndefined();
        expect(await handlers.change(stranger, "identify", { limit: 4 })).toBeUndefined();
        expect((await handlers.ensure(stranger, "identify", () => ({}))).version).toBe(1);
      });

      test("keep all changes that are made at once, from several processes", async () => {
        const other = await another();
        try {
          const both = [store.gallery.handlers, other.gallery.handlers];
          const made = await Promise.all(both.map((handlers) => handlers.ensure(account, "verify", () => ({}))));
          expect(made[0]).toEqual(made[1] as never);
          await Promise.all(
            Array.from({ length: 10 }, (_, at) => both[at % 2]?.change(account, "verify", { [`p${at}`]: at })),
          );
          const after = await store.gallery.handlers.ensure(account, "verify", () => ({}));
          expect(after.version).toBe(11);
          expect(Object.keys(after.policies)).toHaveLength(10);
        } finally {
          await other.close();
        }
      });
    });

    describe("changes", () => {
      test("tell how things are: descriptors with numbers and person, memberships, and what went", async () => {
        const { gallery } = store;
        expect(await gallery.changes.position()).toBe(0);
        const [made, who] = [descriptor(), person()];
        const list = await gallery.lists.create(account, "persons", "l");
        await gallery.descriptors.create(account, [made], { person: who, list });
        const vector = { model: "model", version: "1", values: Float32Array.from(made.values) };
        const born = { position: 1, kind: "descriptor", account, descriptor: made.id, vector } as const;
        expect(await since(0)).toEqual([
          { position: 1, kind: "member", account, list, member: who.id, present: true },
          { ...born, person: who.id, lists: [list] },
        ]);
        await gallery.links.detach(account, who.id, made.id);
        await leave(list, "persons", [who.id]);
        await gallery.persons.remove(account, who.id);
        await gallery.lists.remove(account, [list]);
        expect(await since(0)).toEqual([
          { position: 1, kind: "member", account, list, member: who.id, present: true },
          { ...born, person: null, lists: [] },
          { position: 2, kind: "person", account, descriptor: made.id, person: null, lists: [] },
          { position: 3, kind: "member", account, list, member: who.id, present: false },
          { position: 4, kind: "person-removed", person: who.id },
          { position: 5, kind: "list-removed", list },
        ]);
        expect(await gallery.changes.position()).toBe(5);
      });

      test("are none for what no search sees, and for what failed", async () => {
        const { gallery } = store;
        const who = await enrolled();
        await gallery.persons.update(account, who, { userData: "x" });
        await gallery.lists.create(account, "persons", "l");
        await gallery.links.attach(account, who, nobody);
        await gallery.persons.remove(account, nobody);
        const twice = descriptor();
        await gallery.descriptors.create(account, [twice, twice]).catch(() => undefined);
        expect(await gallery.descriptors.collect(0, 10)).toBe(0);
        expect(await gallery.changes.position()).toBe(0);
      });

      test("have positions without gaps, whole, in order, from all processes", async () => {
        const other = await another();
        try {
          await Promise.all(
            Array.from({ length: 20 }, (_, at) => {
              const two = [descriptor(), descriptor()];
              return [store, other][at % 2]?.gallery.descriptors.create(account, two, { person: person() });
            }),
          );
        } finally {
          await other.close();
        }
        const all = await since(0);
        expect(all.map(({ position }) => position)).toEqual(Array.from({ length: 40 }, (_, at) => 1 + (at >> 1)));
        for (const limit of [1, 2, 3, 7]) {
          const read: GalleryChange[] = [];
          for (let position = 0; position < 20; position = read.at(-1)?.position ?? position) {
            const some = (await store.gallery.changes.after(position, limit)) ?? [];
            expect(some.length).toBeLessThanOrEqual(Math.max(limit, 2));
            read.push(...some);
          }
          expect(read).toEqual(all as never);
        }
      });

      test("are told to listeners of the process once they are committed, until they listen no more", async () => {
        const { gallery } = store;
        let heard = 0;
        const stop = gallery.changes.onCommitted(() => heard++);
        const face = await kept();
        expect(heard).toBe(1);
        await gallery.links.attach(account, nobody, face);
        expect(heard).toBe(1);
        stop();
        await kept();
        expect(heard).toBe(1);
      });

      test("that were deleted are told as missing, never as nothing", async () => {
        const { gallery } = store;
        for (let made = 0; made < 5; made++) await kept();
        expect(await gallery.changes.prune({ olderThan: 0, keep: 2 })).toBe(3);
        expect(await gallery.changes.after(2, 100)).toBeUndefined();
        expect((await since(3)).map(({ position }) => position)).toEqual([4, 5]);
        expect(await gallery.changes.prune({ olderThan: Number.MAX_SAFE_INTEGER, keep: 100 })).toBe(2);
        expect(await gallery.changes.after(4, 100)).toBeUndefined();
        expect(await gallery.changes.after(5, 100)).toEqual([]);
        expect(await gallery.changes.position()).toBe(5);
      });

      test("start from everything there is, read in pages", async () => {
        const { gallery } = store;
        const made = Array.from({ length: 7 }, () => descriptor());
        const who = person();
        await gallery.descriptors.create(account, made.slice(0, 3), { person: who });
        await gallery.descriptors.create(stranger, made.slice(3));
        const lists = [
          await gallery.lists.create(account, "descriptors", "a"),
          await gallery.lists.create(account, "descriptors", "b"),
        ];
        for (const list of lists) {
          await join(
            list,
            "descriptors",
            made.slice(0, 3).map(({ id }) => id),
          );
        }
        const descriptors = await everything((next) => gallery.changes.descriptors(next, 2));
        expect(descriptors.map(({ descriptor: id }) => id).sort()).toEqual(made.map(({ id }) => id).sort());
        for (const { account: owner, person: of, vector } of descriptors) {
          expect(of).toBe(owner === account ? who.id : null);
          expect(vector.values).toEqual(Float32Array.from(made[0]?.values ?? []));
        }
        const members = await everything((next) => gallery.changes.members(next, 4));
        expect(new Set(members.map(({ list, member }) => `${list} ${member}`)).size).toBe(6);
      });
    });

    describe("extracting again with another model", () => {
      const target = { model: "model", version: "2" };
      const living = () => false;
      const lease = (owner: string, until = Date.now() + 60_000) =>
        store.gallery.reextractions.lease(target, { owner, until }, living);

      test("is done by one process at a time: until its lease runs out, it gives the work back, or it has ended", async () => {
        const { reextractions } = store.gallery;
        expect(await lease("a")).toBe(false);
        await reextractions.choose(target);
        expect(await lease("a")).toBe(true);
        expect([await lease("b"), await lease("a")]).toEqual([false, true]);
        await reextractions.release("b");
        expect(await lease("b")).toBe(false);
        await reextractions.release("a");
        expect(await lease("b", Date.now())).toBe(true);
        expect(await lease("c")).toBe(true);
        const ended = (owner: string) => owner === "c";
        expect(await reextractions.lease(target, { owner: "d", until: Date.now() + 60_000 }, ended)).toBe(true);
        await reextractions.choose(target);
        expect(await lease("e")).toBe(false);
        await reextractions.choose({ model: "model", version: "3" });
        expect(await lease("d")).toBe(false);
      });

      test("finds what is of another model, replaces its numbers only, and stores how far it came in the same moment", async () => {
        const { reextractions, descriptors, changes } = store.gallery;
        const sample = { kind: "warp", bytes: Uint8Array.of(1, 2), width: 250, height: 250 } as const;
        const [old, fresh, bare, gone] = [
          await kept({ sample }),
          await kept(target),
          await kept({ model: "other" }, stranger),
          await kept({ sample }),
        ];
        await reextractions.choose(target);
        await lease("a");
        const first = await reextractions.stale(target, 0, 1);
        expect(first).toMatchObject({ stale: [{ id: old, version: "1", sample: { kind: "warp" } }], through: 1 });
        const rest = await reextractions.stale(target, 1, 10);
        expect(rest).toMatchObject({ stale: [{ id: bare, sample: undefined }, { id: gone }], through: 4 });
        expect((await reextractions.stale(target, 4, 10)).through).toBe(4);
        const before = await changes.position();
        const values = Float32Array.of(7, 8);
        const results = [...first.stale, ...rest.stale].map((descriptor) => ({
          descriptor,
          values: descriptor.id === bare ? undefined : values,
        }));
        expect(await reextractions.store(target, "b", results, 4)).toBe(false);
        expect((await descriptors.get(account, old))?.version).toBe("1");
        expect(await changes.position()).toBe(before);
        const [, , last] = results;
        const deleted = { ...last, descriptor: { ...last?.descriptor, id: nobody } } as (typeof results)[number];
        expect(await reextractions.store(target, "a", [...results.slice(0, 2), deleted], 4)).toBe(true);
        const vector = { model: "model", version: "2", values };
        expect(await since(before)).toEqual([
          { position: before + 1, kind: "descriptor", account, descriptor: old, person: null, lists: [], vector },
        ]);
        expect((await descriptors.vectors(account, [old])).get(old)).toEqual(vector);
        expect((await descriptors.get(account, gone))?.version).toBe("1");
        expect((await descriptors.get(account, fresh))?.version).toBe("2");
        expect(await reextractions.progress()).toMatchObject({ ...target, walked: 4, numbered: 4, impossible: 1 });
        expect(await reextractions.store(target, "a", [deleted], 4)).toBe(true);
        expect(await changes.position()).toBe(before + 1);
      });
    });

    describe("pages", () => {
      test("are newest first with the true number of all, and empty behind the end", async () => {
        const { gallery } = store;
        const made: string[] = [];
        for (let at = 0; at < 7; at++) made.unshift(await enrolled());
        const page = (number: number) => gallery.persons.page(account, {}, { page: number, pageSize: 3 });
        for (const number of [1, 2, 3, 1, 3]) {
          const { items, count } = await page(number);
          expect([items.map(({ id }) => id), count]).toEqual([made.slice(number * 3 - 3, number * 3), 7]);
        }
        expect(await page(4)).toEqual({ items: [], count: 7 });
        expect(await page(1_000_000)).toEqual({ items: [], count: 7 });
      });

      test("are exact whatever came and went before, whoever did it and whichever pages were read", async () => {
        const other = await another();
        try {
          const random = randomNumbers(7);
          const upTo = (end: number) => Math.floor(random() * end);
          const list = await store.gallery.lists.create(account, "persons", "l");
          /** Newest first, and which of them are on the list. */
          const all: string[] = [];
          const members = new Set<string>();
          const someone = () => all[upTo(all.length)] ?? nobody;
          const steps = [
            async ({ gallery }: Store) => {
              const made = Array.from({ length: 1 + upTo(6) }, () => person());
              for (const who of made) await gallery.persons.create(account, who);
              all.unshift(...made.map(({ id }) => id).reverse());
            },
            async ({ gallery }: Store) => {
              const who = someone();
              await gallery.persons.remove(account, who);
              if (all.includes(who)) all.splice(all.indexOf(who), 1);
              members.delete(who);
            },
            async ({ gallery }: Store) => {
              const [member, newest = nobody] = [someone(), all[0]];
              const joining = random() < 0.5 ? [member] : [newest];
              const change = { list, type: "persons", action: "attach", members: joining } as const;
              if ((await gallery.links.setMembership(account, change)) === "done") members.add(joining[0] ?? "");
            },
            async ({ gallery }: Store) => {
              const member = someone();
              const change = { list, type: "persons", action: "detach", members: [member] } as const;
              if ((await gallery.links.setMembership(account, change)) === "done") members.delete(member);
            },
          ];
          for (let round = 0; round < 70; round++) {
            const writer = random() < 0.5 ? store : other;
            await steps[random() < 0.4 ? 0 : 1 + upTo(3)]?.(writer);
            const listed = all.filter((id) => members.has(id));
            for (const { gallery } of [store, other]) {
              const page = { page: 1 + upTo(8), pageSize: 1 + upTo(9) };
              const part = (ids: readonly string[]) =>
                ids.slice((page.page - 1) * page.pageSize, page.page * page.pageSize);
              const read = await gallery.persons.page(account, {}, page);
              expect([read.count, read.items.map(({ id }) => id)]).toEqual([all.length, part(all)]);
              const on = await gallery.lists.persons(account, list, page);
              expect([on.count, on.items.map(({ id }) => id)]).toEqual([members.size, part(listed)]);
            }
          }
        } finally {
          await other.close();
        }
      });

      test("order what was made in one moment by id, and give later creations later times", async () => {
        const { gallery } = store;
        const made = [...Array(5)].map(() => descriptor());
        await gallery.descriptors.create(account, made);
        const { items } = await gallery.descriptors.page(account, ALL);
        expect(items.map(({ id }) => id)).toEqual(made.map(({ id }) => id).sort());
        const times: number[] = [];
        for (let at = 0; at < 5; at++)
          times.push((await gallery.persons.get(account, await enrolled()))?.createdAt ?? 0);
        expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
      });
    });
  });
}

/** From 0 to 1; the same ones for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** All pages after each other. */
async function everything<T>(
  page: (next: string | undefined) => Promise<{ readonly items: readonly T[]; readonly next: string | undefined }>,
): Promise<readonly T[]> {
  const all: T[] = [];
  let next: string | undefined;
  do {
    const read = await page(next);
    all.push(...read.items);
    next = read.next;
  } while (next !== undefined);
  return all;
}

/** A time, epoch milliseconds, that everything until now is before and everything from now on is not. */
async function laterThanNow(): Promise<number> {
  const before = Date.now();
  while (Date.now() === before) await Promise.resolve();
  return Date.now();
}
