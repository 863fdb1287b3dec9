/** SQLite's log: what is acknowledged is on the disk, nobody waits for the disk who need not, and it does not grow for ever. */
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Kysely, sql } from "kysely";
import { STRACE } from "../../scripts/verify/tools.ts";
import { nextTurn } from "../../src/bus/turn.ts";
import type { Schema } from "../../src/store/schema.ts";
import { openSqlite, openSqliteReader } from "../../src/store/sqlite.ts";
import type { LogOptions } from "../../src/store/sqlite-log.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { hasTool } from "../support/tools.ts";
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
const silent = new URL("./silent-thread.ts", import.meta.url);
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
    // Nor is what takes no transaction: it would lie behind what the disk has lost.
    await expect(store.deadLetters.record(letter())).rejects.toMatchObject(failed);
    expect(await store.deadLetters.count()).toBe(1);
    reader.run("rollback");
    reader.close();
    expect(await store.gallery.accounts.create(wish)).toMatchObject({ account: { email: wish.email } });
  });
});

test("a transaction that began before the disk failed is not acknowledged behind what the disk has lost", async () => {
  const disk = new Disk();
  const store = await opened({ flush: disk.flush });
  const other = await openSqlite(dir);
  const asked = disk.hold();
  const lost = store.deadLetters.record(letter()).catch((thrown) => thrown);
  await asked;
  const reader = new Database(join(dir, "facewire.sqlite"));
  reader.run("begin");
  reader.query("select count(*) from dead_letters").get();
  const behind = other.transaction().execute(async (open) => {
    disk.fail();
    expect(await lost).toMatchObject(failed);
    await sql`update event_position set last = last`.execute(open);
  });
  await expect(behind).rejects.toMatchObject(failed);
  reader.close();
  await other.destroy();
});

describe("the real disk", () => {
  test("is written by way of a log on every connection", async () => {
    const mode = async (db: Kysely<Schema>) => {
      const { rows } = await sql<{ journal_mode: string }>`pragma journal_mode`.execute(db);
      await db.destroy();
      return rows[0]?.journal_mode;
    };
    const writer = await openSqlite(dir);
    expect(await mode(await openSqliteReader(dir))).toBe("wal");
    expect(await mode(await openSqlite(dir))).toBe("wal");
    expect(await mode(writer)).toBe("wal");
  });

  test.skipIf(!canTrace())(
    "has been told to keep what was written to the log before any of it is acknowledged",
    async () => {
      const trace = join(dir, "trace");
      const calls = "trace=pwrite64,write,fsync,fdatasync";
      const recorder = [process.execPath, join(import.meta.dir, "recorder.ts"), dir, "m"];
      const child = Bun.spawn(["strace", "-f", "-y", "-o", trace, "-e", calls, ...recorder], {
        stdout: "pipe",
        stderr: "inherit",
      });
      let said = "";
      for await (const chunk of child.stdout) {
        said += new TextDecoder().decode(chunk);
        // The first of them are flushed by the runtime, the others by a thread.
        if (said.split("\n").length <= 80) continue;
        const pid = Number((await readFile(trace, "utf8")).split(" ", 1)[0]);
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It has gone since.
        }
      }
      await child.exited;
      const { acknowledged, tooEarly } = acknowledgements(await readFile(trace, "utf8"));
      expect(acknowledged).toBeGreaterThanOrEqual(80);
      expect(tooEarly).toEqual([]);
    },
  );
});

/** Whether programs may be traced here. */
function canTrace(): boolean {
  if (!hasTool(STRACE)) return false;
  if (Bun.spawnSync(["strace", "-o", "/dev/null", "true"]).exitCode === 0) return true;
  console.warn("Skipped: what is on the disk when it is acknowledged; programs may not be traced here");
  return false;
}

/** What a recorder acknowledged, in a trace of its calls, and what of that no flush had ended for which began after the write. */
function acknowledgements(trace: string): { readonly acknowledged: number; readonly tooEarly: readonly string[] } {
  const tooEarly: string[] = [];
  let acknowledged = 0;
  /** Written, and not known to be on the disk. */
  let isPending = false;
  /** Threads that flush what was written when they began. */
  const flushing = new Set<string>();
  for (const line of trace.split("\n")) {
    const thread = line.split(" ", 1)[0] ?? "";
    if (/ pwrite64\(\d+<[^>]*-wal>/.test(line)) {
      isPending = true;
      flushing.clear();
    }
    if (/ (?:fsync|fdatasync)\(\d+<[^>]*-wal>/.test(line)) flushing.add(thread);
    if (/ (?:fsync|fdatasync)(?:\(| resumed).*= 0$/.test(line) && flushing.delete(thread)) isPending = false;
    const said = / write\(1<[^>]*>, "(m\d+)/.exec(line)?.[1];
    if (said === undefined) continue;
    acknowledged++;
    if (isPending) tooEarly.push(said);
  }
  return { acknowledged, tooEarly };
}

test("writes go on when the thread that flushes dies at each", async () => {
  const store = await opened({ flushEntry: mortal });
  for (let i = 0; i < 150; i++) await store.deadLetters.record(letter());
  expect(await store.deadLetters.count()).toBe(150);
});

test("writes go on when the thread that flushes does not answer, and closing does not wait for it", async () => {
  const store = await opened({ flushEntry: silent, longestFlushMs: 300 });
  for (let i = 0; i < 120; i++) await store.deadLetters.record(letter());
  expect(await store.deadLetters.count()).toBe(120);
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

test("a store is not closed before the disk has what was written", async () => {
  const disk = new Disk();
  const store = await openStore(dir, { log: { flush: disk.flush } });
  const asked = disk.hold();
  const written = store.deadLetters.record(letter());
  await asked;
  let isClosed = false;
  const closed = store.close().then(() => {
    isClosed = true;
  });
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  expect(isClosed).toBe(false);
  disk.go();
  await closed;
  await written;
  expect(await (await opened({})).deadLetters.count()).toBe(1);
});

test("a store that is closed leaves no log behind, and another one goes on with what it wrote", async () => {
  const store = await openStore(dir, { log: { mergeBytes: 4_096 } });
  for (let i = 0; i < 20; i++) await store.deadLetters.record(letter());
  await store.close();
  await expect(logBytes()).rejects.toMatchObject({ code: "ENOENT" });
  expect(await (await opened({})).deadLetters.count()).toBe(20);
});
