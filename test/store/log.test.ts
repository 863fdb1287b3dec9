/** SQLite's log: what is acknowledged is on the disk, nobody waits for the disk who need not, and it does not grow for ever. */
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nextTurn } from "../../src/bus/turn.ts";
import type { LogOptions } from "../../src/store/sqlite-log.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { descriptor } from "./gallery-suite.ts";
import { letter } from "./letter.ts";

let dir: string;
const open: Store[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "log-"));
});
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
  await rm(dir, { recursive: true, force: true });
});

async function opened(log: LogOptions): Promise<Store> {
  const store = await openStore(dir, { log });
  open.push(store);
  return store;
}

const logBytes = async () => (await stat(join(dir, "facewire.sqlite-wal"))).size;
const mortal = new URL("./mortal-thread.ts", import.meta.url);
const failed = { code: "store_unavailable", details: { reason: "disk_failed" } };
const wish = { organizationName: "o", email: "a@example.org", passwordHash: "h", tokenData: "t" };

/** A disk that lets what is flushed wait, fail, or go. */
class Disk {
  #held: PromiseWithResolvers<void> | undefined;
  #asked = Promise.withResolvers<void>();

  readonly flush = async (): Promise<void> => {
    this.#asked.resolve();
    await this.#held?.promise;
  };

  /** Resolves when something is to be flushed, which waits. */
  hold(): Promise<void> {
    this.#held = Promise.withResolvers();
    this.#asked = Promise.withResolvers();
    return this.#asked.promise;
  }

  go(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** Fails what waits. */
  fail(): void {
    this.#held?.reject(new Error("EIO"));
    this.#held = undefined;
  }
}

describe("a write", () => {
  test.each([
    ["in a transaction", (store: Store) => store.gallery.accounts.create(wish)],
    ["of one statement", (store: Store) => store.deadLetters.record(letter())],
  ])("%s is acknowledged when the disk has it, not before", async (_, write) => {
    const disk = new Disk();
    const store = await opened({ flush: disk.flush });
    const asked = disk.hold();
    let isAcknowledged = false;
    const written = write(store).then(() => {
      isAcknowledged = true;
    });
    await asked;
    // It waits for nothing else: everything else that it does is done within a turn.
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(isAcknowledged).toBe(false);
    disk.go();
    await written;
    expect(isAcknowledged).toBe(true);
  });

  test("holds up no search while it is on its way to the disk, nor while a transaction is open", async () => {
    const disk = new Disk();
    const store = await opened({ flush: disk.flush });
    const made = await store.gallery.accounts.create(wish);
    const account = made?.account.id ?? "";
    await store.gallery.descriptors.create(account, [descriptor()]);
    const asked = disk.hold();
    const written = store.gallery.descriptors.create(account, [descriptor()]);
    await asked;
    expect(await store.gallery.changes.position()).toBeGreaterThanOrEqual(1);
    expect((await store.gallery.changes.descriptors(undefined, 10)).items.length).toBeGreaterThanOrEqual(1);
    disk.go();
    await written;
    expect(await store.gallery.changes.position()).toBe(2);
  });

  test("that the disk did not take is refused, and so are all others until all is on the disk in another way", async () => {
    const disk = new Disk();
    const store = await opened({ flush: disk.flush });
    const asked = disk.hold();
    const outcome = store.deadLetters.record(letter()).catch((thrown) => thrown);
    await asked;
    // Its log cannot be merged either while somebody reads it.
    const reader = new Database(join(dir, "facewire.sqlite"));
    reader.run("begin");
    reader.query("select count(*) from dead_letters").get();
    disk.fail();
    expect(await outcome).toMatchObject(failed);
    await expect(store.gallery.accounts.create(wish)).rejects.toMatchObject(failed);
    reader.run("rollback");
    reader.close();
    expect(await store.gallery.accounts.create(wish)).toMatchObject({ account: { email: wish.email } });
  });
});

test("writes go on when the thread that flushes dies at each", async () => {
  const store = await opened({ flushEntry: mortal });
  for (let i = 0; i < 150; i++) await store.deadLetters.record(letter());
  expect(await store.deadLetters.count()).toBe(150);
});

describe("a log that grows", () => {
  const KIB = 1024;
  const write = async (store: Store, kibibytes: number) => {
    for (let written = 0; written < kibibytes; written += 64) {
      await store.deadLetters.record(letter({ internal: "x".repeat(64 * KIB) }));
    }
  };

  test("is merged into the database and begun anew, whatever is written meanwhile", async () => {
    const store = await opened({ mergeBytes: 256 * KIB });
    const { secret } = await store.tokens.create({ role: "run", name: "a" });
    let most = 0;
    for (let round = 0; round < 40; round++) {
      await write(store, 256);
      most = Math.max(most, await logBytes());
    }
    // SQLite itself would merge it when it has 4 MiB.
    expect(most).toBeLessThan(4 * KIB ** 2);
    expect(await store.deadLetters.count()).toBe(160);
    expect(await store.tokens.verify(secret)).toMatchObject({ name: "a" });
  });

  test("is bounded without the thread that merges too", async () => {
    const store = await opened({ mergeBytes: 64 * KIB, mergeEntry: mortal });
    for (let round = 0; round < 16; round++) {
      await write(store, 256);
      expect(await logBytes()).toBeLessThan(2 * KIB ** 2);
    }
    expect(await store.deadLetters.count()).toBe(64);
  });
});

test("a store that is closed leaves no log behind, and another one goes on with what it wrote", async () => {
  const store = await openStore(dir, { log: { mergeBytes: 4_096 } });
  for (let i = 0; i < 20; i++) await store.deadLetters.record(letter());
  await store.close();
  await expect(logBytes()).rejects.toMatchObject({ code: "ENOENT" });
  expect(await (await opened({})).deadLetters.count()).toBe(20);
});
