/** What every database has to do for the store. A second backend runs the same suite. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { NewDeadLetter } from "../../src/store/dead-letters.ts";
import type { Store } from "../../src/store/store.ts";
import { roleCovers, TOKEN_ROLES } from "../../src/store/tokens.ts";
import { letter } from "./letter.ts";

/** A database for one test. */
export interface TestDatabase {
  /** Opens a store on it; may be called again while one is open, and after one was closed. */
  open(): Promise<Store>;
  /** Takes the database away. */
  remove(): Promise<void>;
}

/** Defines the tests. `create` makes an empty database. */
export function storeSuite(backend: string, create: () => Promise<TestDatabase>): void {
  describe(`a store on ${backend}`, () => {
    let database: TestDatabase;
    let store: Store;
    beforeEach(async () => {
      database = await create();
      store = await database.open();
    });
    afterEach(async () => {
      await store.close();
      await database.remove();
    });

    test("answers a ping", async () => {
      await store.ping();
    });

    test("keeps everything when it is opened again", async () => {
      await store.deadLetters.record(letter());
      const { secret } = await store.tokens.create({ role: "run", name: "camera" });
      await store.close();
      store = await database.open();
      expect(await store.deadLetters.count()).toBe(1);
      expect(await store.tokens.verify(secret)).toMatchObject({ name: "camera" });
    });

    test("can be opened twice, and each sees what the other wrote", async () => {
      const other = await database.open();
      try {
        const { secret, id } = await other.tokens.create({ role: "read", name: "n" });
        expect(await store.tokens.verify(secret)).toBeDefined();
        expect(await store.tokens.revoke(id)).toBe(true);
        expect(await other.tokens.verify(secret)).toBeUndefined();
      } finally {
        await other.close();
      }
    });

    test("takes concurrent writes without losing one", async () => {
      await Promise.all(Array.from({ length: 50 }, (_, i) => store.deadLetters.record(letter({ messageId: `m${i}` }))));
      const { letters } = await store.deadLetters.list({ limit: 100 });
      expect(new Set(letters.map(({ messageId }) => messageId)).size).toBe(50);
    });

    describe("dead letters", () => {
      test("come back as they were recorded", async () => {
        for (const given of [
          letter(),
          letter({ requestId: undefined, sequence: undefined, traceparent: "00-ab-cd-01" }),
        ]) {
          await store.deadLetters.record(given);
          const [stored] = (await store.deadLetters.list({ limit: 1 })).letters;
          expect(stored).toEqual({ ...given, id: expect.any(String) });
          expect(await store.deadLetters.get(stored?.id ?? "")).toEqual(stored);
        }
      });

      test("without details come back without", async () => {
        await store.deadLetters.record(letter({ cause: { code: "internal", message: "?" } }));
        expect((await store.deadLetters.list({ limit: 1 })).letters[0]?.cause).toEqual({
          code: "internal",
          message: "?",
        });
      });

      test("keep no work content that is handed in with them", async () => {
        await store.deadLetters.record({ ...letter(), body: { bytes: "a face" } } as NewDeadLetter);
        expect(JSON.stringify((await store.deadLetters.list({ limit: 1 })).letters)).not.toContain("a face");
      });

      test("take text that looks like SQL as text", async () => {
        const nasty = `'; drop table dead_letters; -- "\u0000 ☃`.replace("\u0000", "");
        await store.deadLetters.record(letter({ summary: nasty, requestId: nasty }));
        const found = await store.deadLetters.list({ limit: 10, requestId: nasty });
        expect(found.letters[0]?.summary).toBe(nasty);
      });

      test("are listed newest first in pages that new letters do not shift", async () => {
        for (let i = 0; i < 5; i++) await store.deadLetters.record(letter({ messageId: `m${i}` }));
        const first = await store.deadLetters.list({ limit: 2 });
        await store.deadLetters.record(letter({ messageId: "late" }));
        const second = await store.deadLetters.list({ limit: 2, before: first.next ?? "" });
        const third = await store.deadLetters.list({ limit: 2, before: second.next ?? "" });
        const ids = [first, second, third].flatMap(({ letters }) => letters.map(({ messageId }) => messageId));
        expect(ids).toEqual(["m4", "m3", "m2", "m1", "m0"]);
        expect(third.next).toBeUndefined();
      });

      test("are listed by request", async () => {
        await store.deadLetters.record(letter({ requestId: "a" }));
        await store.deadLetters.record(letter({ requestId: "b" }));
        const { letters } = await store.deadLetters.list({ limit: 10, requestId: "a" });
        expect(letters.map(({ requestId }) => requestId)).toEqual(["a"]);
      });

      test("are deleted one by one", async () => {
        await store.deadLetters.record(letter());
        const id = (await store.deadLetters.list({ limit: 1 })).letters[0]?.id ?? "";
        expect(await store.deadLetters.delete(id)).toBe(true);
        expect(await store.deadLetters.delete(id)).toBe(false);
        expect(await store.deadLetters.get(id)).toBeUndefined();
      });

      test("are pruned by age and by number, the oldest first", async () => {
        const day = 86_400_000;
        for (let i = 0; i < 6; i++) await store.deadLetters.record(letter({ messageId: `m${i}`, time: i * day }));
        expect(await store.deadLetters.prune({ olderThan: 2 * day, keep: 3 })).toBe(3);
        const { letters } = await store.deadLetters.list({ limit: 10 });
        expect(letters.map(({ messageId }) => messageId)).toEqual(["m5", "m4", "m3"]);
        expect(await store.deadLetters.prune({ olderThan: 0, keep: 3 })).toBe(0);
        expect(await store.deadLetters.prune({ olderThan: 0, keep: 0 })).toBe(3);
      });
    });

    describe("tokens", () => {
      test("have a role that may do what weaker roles may, and no more", () => {
        for (const [at, held] of TOKEN_ROLES.entries()) {
          expect(TOKEN_ROLES.filter((needed) => roleCovers(held, needed))).toEqual(TOKEN_ROLES.slice(0, at + 1));
        }
      });

      test("are known by their secret and by nothing else", async () => {
        const { secret, ...record } = await store.tokens.create({ role: "run", name: "camera" });
        expect(secret).toMatch(/^fw_[A-Za-z0-9_-]{43}$/);
        expect(await store.tokens.verify(secret)).toMatchObject({ id: record.id, role: "run", name: "camera" });
        for (const wrong of [
          `${secret}x`,
          secret.slice(0, -1),
          secret.toUpperCase(),
          record.id,
          "",
          `fw_${"A".repeat(43)}`,
        ]) {
          expect(await store.tokens.verify(wrong)).toBeUndefined();
        }
      });

      test("never show their secret again", async () => {
        const { secret } = await store.tokens.create({ role: "run", name: "camera" });
        expect(JSON.stringify(await store.tokens.list())).not.toContain(secret.slice(3));
        expect(JSON.stringify(await store.tokens.verify(secret))).not.toContain(secret.slice(3));
      });

      test("that are revoked are refused at once, no longer counted, and still listed", async () => {
        const { secret, id } = await store.tokens.create({ role: "admin", name: "a" });
        await store.tokens.create({ role: "run", name: "b" });
        expect(await store.tokens.count()).toBe(2);
        expect(await store.tokens.revoke(id)).toBe(true);
        expect(await store.tokens.revoke(id)).toBe(false);
        expect(await store.tokens.revoke("unknown")).toBe(false);
        expect(await store.tokens.verify(secret)).toBeUndefined();
        expect(await store.tokens.count()).toBe(1);
        expect(await store.tokens.list()).toMatchObject([{ name: "a", revokedAt: expect.any(Number) }, { name: "b" }]);
      });

      test("remember when they were last used", async () => {
        const { secret } = await store.tokens.create({ role: "run", name: "a" });
        expect((await store.tokens.list())[0]?.lastUsedAt).toBeUndefined();
        const before = Date.now();
        await store.tokens.verify(secret);
        expect((await store.tokens.list())[0]?.lastUsedAt).toBeGreaterThanOrEqual(before);
      });
    });
  });
}
