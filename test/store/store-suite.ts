/** What every database has to do for the store. A second backend runs the same suite. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { KeptInput, NewDeadLetter } from "../../src/store/dead-letters.ts";
import type { Store } from "../../src/store/store.ts";
import { roleCovers, TOKEN_ROLES } from "../../src/store/tokens.ts";
import { eventSuite } from "./event-suite.ts";
import { gallerySuite } from "./gallery-suite.ts";
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
          expect(stored).toEqual({ ...given, id: expect.any(String) } as never);
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

      test("take text that databases have no room for: NUL becomes a mark, and is still found by what was sent", async () => {
        await store.deadLetters.record(letter({ summary: "a\0b", requestId: "r\0" }));
        const found = await store.deadLetters.list({ limit: 10, requestId: "r\0" });
        expect(found.letters[0]).toMatchObject({ summary: "a\uFFFDb", requestId: "r\uFFFD" });
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

      test("are deleted by request and by age, or all at once", async () => {
        for (let i = 0; i < 4; i++) await store.deadLetters.record(letter({ requestId: i === 1 ? "a" : "b" }));
        const { letters } = await store.deadLetters.list({ limit: 10 });
        expect(await store.deadLetters.deleteMany({ requestId: "a" })).toBe(1);
        expect(await store.deadLetters.deleteMany({ before: letters[1]?.id ?? "" })).toBe(1);
        expect(await store.deadLetters.deleteMany({})).toBe(2);
        expect(await store.deadLetters.count()).toBe(0);
      });

      describe("with their inputs", () => {
        const input = (changes: Partial<KeptInput> = {}): KeptInput => ({
          name: "gate ☃.jpg",
          bytes: new Uint8Array([0, 255, 7]),
          wishes: { priority: 3, draw: true },
          mostInAll: 1_000,
          ...changes,
        });
        const newest = async () => (await store.deadLetters.list({ limit: 1 })).letters[0]?.id ?? "";
        const sizes = async () =>
          (await store.deadLetters.list({ limit: 10 })).letters.map((kept) => kept.input?.size ?? null);

        test("give them back byte for byte, and list only their names and sizes", async () => {
          const { mostInAll, ...given } = input();
          await store.deadLetters.record(letter(), { ...given, mostInAll });
          const [stored] = (await store.deadLetters.list({ limit: 1 })).letters;
          expect(stored?.input).toEqual({ name: given.name, size: 3 });
          const read = await store.deadLetters.input(stored?.id ?? "");
          expect(read && { ...read, bytes: [...read.bytes] }).toEqual({ ...given, bytes: [0, 255, 7] } as never);
          expect(await store.deadLetters.input("unknown")).toBeUndefined();
        });

        test("take an input that is a part of a larger memory as that part alone", async () => {
          const bytes = new Uint8Array([1, 2, 3, 4, 5]).subarray(1, 3);
          await store.deadLetters.record(letter(), input({ bytes }));
          expect([...((await store.deadLetters.input(await newest()))?.bytes ?? [])]).toEqual([2, 3]);
        });

        test("keep no more than is allowed in all: the oldest inputs go, their letters stay", async () => {
          for (const size of [400, 300, 300, 350]) {
            await store.deadLetters.record(letter(), input({ bytes: new Uint8Array(size) }));
          }
          expect(await sizes()).toEqual([350, 300, 300, null]);
          await store.deadLetters.record(letter(), input({ bytes: new Uint8Array(1_001) }));
          expect(await sizes()).toEqual([null, 350, 300, 300, null]);
        });

        test("take them along when they go", async () => {
          for (let i = 0; i < 3; i++) await store.deadLetters.record(letter(), input());
          const id = await newest();
          await store.deadLetters.delete(id);
          expect(await store.deadLetters.input(id)).toBeUndefined();
          const rest = (await store.deadLetters.list({ limit: 10 })).letters.map((kept) => kept.id);
          await store.deadLetters.prune({ olderThan: 0, keep: 0 });
          for (const gone of rest) expect(await store.deadLetters.input(gone)).toBeUndefined();
        });
      });

      describe("that are claimed for a retry", () => {
        let id: string;
        beforeEach(async () => {
          await store.deadLetters.record(letter());
          id = (await store.deadLetters.list({ limit: 1 })).letters[0]?.id ?? "";
        });

        test("can be claimed by one at a time, whichever process asks", async () => {
          const other = await database.open();
          try {
            const claims = await Promise.all(
              [store, other, store].map(({ deadLetters }) => deadLetters.claim(id, 60_000)),
            );
            const [claim, ...others] = claims.filter((given) => given !== undefined);
            expect(others).toEqual([]);
            expect((await store.deadLetters.get(id))?.claimedUntil).toBeGreaterThan(Date.now());
            await other.deadLetters.release(claim ?? "");
            expect((await store.deadLetters.get(id))?.claimedUntil).toBeUndefined();
            expect(await store.deadLetters.claim(id, 60_000)).toBeString();
          } finally {
            await other.close();
          }
        });

        test("are not deleted meanwhile", async () => {
          await store.deadLetters.claim(id, 60_000);
          expect(await store.deadLetters.delete(id)).toBe(false);
          expect(await store.deadLetters.deleteMany({})).toBe(0);
          expect(await store.deadLetters.count()).toBe(1);
        });

        test("are free again when the claim's time is over, and the late claimant changes nothing", async () => {
          const late = (await store.deadLetters.claim(id, 0)) ?? "";
          expect((await store.deadLetters.get(id))?.claimedUntil).toBeUndefined();
          expect(await store.deadLetters.claim(id, 60_000)).toBeString();
          await store.deadLetters.retrySucceeded(late);
          await store.deadLetters.release(late);
          expect(await store.deadLetters.claim(id, 60_000)).toBeUndefined();
        });

        test("stay after a failed retry, with the new cause and the tries added up", async () => {
          const claim = (await store.deadLetters.claim(id, 60_000)) ?? "";
          const cause = { code: "worker_failed", message: "It died." } as const;
          await store.deadLetters.retryFailed(claim, { cause, internal: undefined, attempts: 2, time: 5_000 });
          const kept = await store.deadLetters.get(id);
          expect(kept).toMatchObject({ cause, attempts: letter().attempts + 2, retriedAt: 5_000, time: letter().time });
          expect(kept?.internal).toBe(letter().internal);
          expect(kept?.claimedUntil).toBeUndefined();
        });

        test("go after a successful one", async () => {
          const claim = (await store.deadLetters.claim(id, 60_000)) ?? "";
          await store.deadLetters.retrySucceeded(claim);
          expect(await store.deadLetters.get(id)).toBeUndefined();
        });
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

    eventSuite(
      () => store,
      () => database.open(),
    );

    gallerySuite(
      () => store,
      () => database.open(),
    );

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
