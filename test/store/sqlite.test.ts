import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { SQLITE } from "../../scripts/verify/tools.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { createStore, openStore, type Store } from "../../src/store/store.ts";
import { Tokens } from "../../src/store/tokens.ts";
import { hasTool } from "../support/tools.ts";
import { letter } from "./letter.ts";
import { storeSuite } from "./store-suite.ts";

storeSuite("SQLite", async () => {
  const folder = await mkdtemp(join(tmpdir(), "store-"));
  return { open: () => openStore(folder), remove: () => rm(folder, { recursive: true, force: true }) };
});

let dir: string;
let file: string;
const open: Store[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "store-"));
  file = join(dir, "facewire.sqlite");
});
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
  await rm(dir, { recursive: true, force: true });
});

async function opened(folder = dir): Promise<Store> {
  const store = await openStore(folder, { busyTimeoutMs: 50 });
  open.push(store);
  return store;
}

/** Fills a closed database with letters, so that it has many pages. */
async function fill(count: number): Promise<void> {
  const store = await openStore(dir);
  for (let i = 0; i < count; i++) await store.deadLetters.record(letter({ internal: "x".repeat(3_000) }));
  await store.close();
}

describe("the database file", () => {
  test("and its folder can only be read by their owner", async () => {
    const inner = join(dir, "a", "b");
    const store = await opened(inner);
    await store.deadLetters.record(letter());
    expect((await stat(inner)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(inner)) expect((await stat(join(inner, name))).mode & 0o077).toBe(0);
  });

  test("holds no token's secret", async () => {
    const store = await openStore(dir);
    const { secret } = await store.tokens.create({ role: "run", name: "camera" });
    await store.close();
    expect((await readFile(file)).includes(secret.slice(3))).toBe(false);
  });
});

test("others have the thread while a transaction of many statements is under way", async () => {
  const db = await openSqlite(dir);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await db.transaction().execute(async (open) => {
    for (let i = 0; i < 100; i++) {
      await sql`with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) select count(*) from n`.execute(
        open,
      );
    }
  });
  expect(turns).toBeGreaterThan(3);
  clearInterval(timer);
  await db.destroy();
});

describe("a process that is killed", () => {
  test.skipIf(!hasTool(SQLITE))(
    "loses nothing either when a program of SQLite had looked at it meanwhile",
    async () => {
      const child = Bun.spawn([process.execPath, join(import.meta.dir, "recorder.ts"), dir, "m"], {
        stdout: "pipe",
        stderr: "inherit",
      });
      let said = "";
      let looked: number | undefined;
      for await (const chunk of child.stdout) {
        said += new TextDecoder().decode(chunk);
        // Versions before 3.51 delete the log on leaving when they find nobody there.
        looked ??= await Bun.spawn(["sqlite3", file, "select count(*) from dead_letters"]).exited;
        if (said.split("\n").length > 20) child.kill("SIGKILL");
      }
      await child.exited;
      expect(looked).toBe(0);
      expect(await (await opened()).deadLetters.count()).toBeGreaterThanOrEqual(said.split("\n").length - 1);
    },
  );

  test("loses nothing that was acknowledged", async () => {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "recorder.ts"), dir, "m"], {
      stdout: "pipe",
      stderr: "inherit",
    });
    let said = "";
    for await (const chunk of child.stdout) {
      said += new TextDecoder().decode(chunk);
      if (said.split("\n").length > 20) child.kill("SIGKILL");
    }
    await child.exited;
    const acknowledged = said.split("\n").slice(0, -1);
    const { letters } = await (await opened()).deadLetters.list({ limit: 1_000 });
    const kept = new Set(letters.map(({ messageId }) => messageId));
    expect(acknowledged.length).toBeGreaterThanOrEqual(20);
    expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
  });

  test("leaves a database that others go on with: several processes open and write at once", async () => {
    const children = ["a", "b", "c"].map((name) =>
      Bun.spawn([process.execPath, join(import.meta.dir, "recorder.ts"), dir, name], {
        stdout: "pipe",
        stderr: "inherit",
      }),
    );
    const said = await Promise.all(
      children.map(async (child) => {
        let text = "";
        for await (const chunk of child.stdout) {
          text += new TextDecoder().decode(chunk);
          if (text.split("\n").length > 10) child.kill("SIGKILL");
        }
        await child.exited;
        return text.split("\n").slice(0, -1);
      }),
    );
    const { letters } = await (await opened()).deadLetters.list({ limit: 1_000 });
    const kept = new Set(letters.map(({ messageId }) => messageId));
    for (const acknowledged of said) {
      expect(acknowledged.length).toBeGreaterThanOrEqual(10);
      expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
    }
  });
});

describe("a database that cannot be used is store_unavailable:", () => {
  const refusal = (reason: string) => ({ code: "store_unavailable", details: { reason } });

  test("a file that is no database", async () => {
    await writeFile(file, "this is not a database, it is a text of some length".repeat(100));
    await expect(openStore(dir)).rejects.toMatchObject(refusal("damaged"));
  });

  test("a file with damaged pages", async () => {
    await fill(30);
    const bytes = await readFile(file);
    bytes.fill(0xa5, 4096);
    await writeFile(file, bytes);
    await expect(openStore(dir).then((store) => store.deadLetters.list({ limit: 10 }))).rejects.toMatchObject(
      refusal("damaged"),
    );
  });

  test("a file that was cut off", async () => {
    await fill(30);
    await truncate(file, 8192);
    await expect(openStore(dir).then((store) => store.deadLetters.list({ limit: 10 }))).rejects.toMatchObject(
      refusal("damaged"),
    );
  });

  test("a file that another process holds, until it lets go", async () => {
    const store = await opened();
    const other = new Database(file);
    other.run("begin immediate");
    await expect(store.deadLetters.record(letter())).rejects.toMatchObject(refusal("locked"));
    await expect(store.deadLetters.prune({ olderThan: 0, keep: 0 })).rejects.toMatchObject(refusal("locked"));
    await expect(store.ping()).rejects.toMatchObject(refusal("locked"));
    other.run("rollback");
    other.close();
    await store.ping();
    await store.deadLetters.record(letter());
    expect(await store.deadLetters.count()).toBe(1);
  });

  test("a file that another process holds: who waits behind a writer that waited in vain is not held up as long once more", async () => {
    const patience = 600;
    const store = await openStore(dir, { busyTimeoutMs: patience });
    open.push(store);
    const { secret } = await store.tokens.create({ role: "run", name: "a" });
    const other = new Database(file);
    other.run("begin immediate");
    const began = performance.now();
    const writes = Array.from({ length: 10 }, () => store.tokens.create({ role: "run", name: "b" }));
    const read = store.tokens.verify(secret);
    for (const write of await Promise.allSettled(writes))
      expect(write).toMatchObject({ reason: refusal("locked"), status: "rejected" });
    expect(await read).toMatchObject({ name: "a" });
    expect(performance.now() - began).toBeLessThan(3 * patience);
    other.run("rollback");
    await store.tokens.create({ role: "run", name: "c" });

    // A lock that comes later is waited for as long as the first.
    other.run("begin immediate");
    const late = store.tokens.create({ role: "run", name: "d" });
    await Bun.sleep(patience / 2);
    other.run("rollback");
    expect(await late).toMatchObject({ name: "d" });
    other.close();
  });

  test("a file that was taken away: nothing is written where nobody would find it, and all goes on when it is back", async () => {
    const store = await opened();
    const wish = { organizationName: "a", email: "a@example.org", passwordHash: "hash", tokenData: "first" };
    await rename(file, `${file}.away`);
    await expect(store.gallery.accounts.create(wish)).rejects.toMatchObject(refusal("file_gone"));
    await expect(store.tokens.create({ role: "run", name: "b" })).rejects.toMatchObject(refusal("file_gone"));
    await rename(`${file}.away`, file);
    expect(await store.gallery.accounts.create(wish)).toMatchObject({ account: { email: "a@example.org" } });
  });

  test("a full disk, which leaves what was there and readers as they were", async () => {
    const db = await openSqlite(dir);
    const store = await createStore(db);
    open.push(store);
    await store.deadLetters.record(letter());
    const { secret } = await store.tokens.create({ role: "run", name: "a" });
    // SQLite's own limit fails in the same way as a disk without room.
    await sql`pragma max_page_count = 1`.execute(db);
    const writes = async () => {
      for (let i = 0; i < 50; i++) await store.deadLetters.record(letter({ internal: "x".repeat(9_000) }));
    };
    await expect(writes()).rejects.toMatchObject(refusal("disk_full"));
    expect(await store.tokens.verify(secret)).toMatchObject({ name: "a" });
    await sql`pragma max_page_count = 100000`.execute(db);
    await store.deadLetters.record(letter());
  });

  test("a folder that is a file", async () => {
    await writeFile(join(dir, "taken"), "");
    await expect(openStore(join(dir, "taken"))).rejects.toMatchObject(refusal("cannot_open"));
  });

  test("a database of a newer version", async () => {
    const db = await openSqlite(dir);
    await (await createStore(db)).close();
    const raw = new Database(file);
    raw.run("insert into kysely_migration (name, timestamp) values ('9999-future', '2099-01-01T00:00:00.000Z')");
    raw.close();
    await expect(openStore(dir)).rejects.toMatchObject({
      code: "store_unavailable",
      message: "The database was made by a newer version of Facewire.",
    });
  });
});

test("a token's use is written at most once a minute", async () => {
  let now = Date.UTC(2026, 0, 1);
  const db = await openSqlite(dir);
  open.push(await createStore(db));
  const tokens = new Tokens(db, () => now);
  const { secret } = await tokens.create({ role: "run", name: "a" });
  const lastUsed = async () => (await tokens.list())[0]?.lastUsedAt;
  await tokens.verify(secret);
  const first = now;
  expect(await lastUsed()).toBe(first);
  now += 59_000;
  await tokens.verify(secret);
  expect(await lastUsed()).toBe(first);
  now += 1_000;
  await tokens.verify(secret);
  expect(await lastUsed()).toBe(now);
});
