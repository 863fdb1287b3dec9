/** The database is lost while the server runs: pictures still run, the loss is told, and all is well when it is back. */
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { PLAIN_PICTURE } from "../support/engine.ts";
import { eventually } from "../support/settle.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

let server: TestServer;
let file: string;
beforeEach(async () => {
  server = await testServer({
    pipelines: { throws: "stages:\n  - probe: { does: throw }\n" },
    env: { FACEWIRE_INFERENCE_MAX_ATTEMPTS: "1" },
  });
  file = join(server.home.dataDir, "facewire.sqlite");
});
afterEach(() => server[Symbol.asyncDispose]());

/** Loses a picture's work, which is then to be kept as a dead letter. */
async function giveUpWork(): Promise<void> {
  const { status, body } = await server.client.run("throws", PLAIN_PICTURE);
  expect([status, body.error?.code]).toEqual([500, "stage_failed"]);
}

const expectVerdict = async () =>
  expect((await server.client.run("face-liveness")).body.items?.[0]?.faces[0]?.liveness?.prediction).toBe("live");

describe("While another process holds the database's lock", () => {
  test("pictures run, tokens are known, lost dead letters are logged and counted, health names the store, nothing stalls", async () => {
    await server.client.metric("facewire_event_loop_stall_seconds");
    const { secret } = await server.app.store.tokens.create({ role: "read", name: "a" });
    const holder = new Database(file);
    await lock(holder);
    await giveUpWork();
    await expectVerdict();
    for (let sent = 0; sent < 5; sent++) {
      expect((await server.client.as(secret).json("/v1/pipelines")).status).toBe(200);
    }
    const health = await server.client.health();
    expect(health).toMatchObject({
      status: "degraded",
      parts: { store: { status: "degraded", details: { reason: "locked" } } },
    });
    expect((await server.client.json("/health/ready")).status).toBe(200);
    await eventually(
      () => server.logs.some(({ message }) => message === "dead letter lost"),
      "the loss is logged",
      10_000,
    );
    // The wait for the lock, which takes seconds, may not hold up the thread that answers. Read first: reading resets it.
    const stalled = await server.client.metric("facewire_event_loop_stall_seconds");
    expect(stalled).toBeGreaterThan(0);
    expect(stalled).toBeLessThan(1);
    expect(await server.client.metric("facewire_dead_letters_lost_total")).toBe(1);

    holder.run("rollback");
    holder.close();
    await server.client.expectAsBefore();
    await giveUpWork();
    await eventually(() => server.logs.some(({ message }) => message === "work given up"));
    expect((await server.app.store.deadLetters.list({ limit: 10 })).letters).toHaveLength(1);
  });

  test("a letter is kept after all when the lock is let go soon", async () => {
    const holder = new Database(file);
    await lock(holder);
    await giveUpWork();
    await expectVerdict();
    holder.run("rollback");
    holder.close();
    await eventually(() => server.logs.some(({ message }) => message === "work given up"));
    expect((await server.app.store.deadLetters.list({ limit: 10 })).letters).toHaveLength(1);
  });
});

test("a database file that was taken away is named in health until it is back, and pictures run meanwhile", async () => {
  await rename(file, `${file}.away`);
  await expectVerdict();
  const health = await server.client.health();
  expect(health).toMatchObject({
    status: "degraded",
    parts: { store: { status: "degraded", details: { reason: "file_gone" } } },
  });
  expect(JSON.stringify(health)).not.toContain(server.home.dataDir);
  await rename(`${file}.away`, file);
  // Events waited in memory, so that they are not written where nobody would find them.
  await server.client.healthBecomes(({ status }) => status === "ok");
  await server.client.expectAsBefore();
});

/** Takes the lock as soon as the server, which may be writing, lets go of it. */
async function lock(holder: Database): Promise<void> {
  await eventually(() => {
    try {
      holder.run("begin immediate");
      return true;
    } catch {
      return false;
    }
  }, "the lock is free");
}
