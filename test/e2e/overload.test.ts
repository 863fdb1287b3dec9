/** More requests than can be served: refused at once with a time to come back, accepted ones answered by their deadline. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { isIdle, type RunAnswer } from "../support/api-client.ts";
import { PLAIN_PICTURE } from "../support/engine.ts";
import { ProbeChannel } from "../support/probe.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

/** What the server may keep waiting. */
const LINE = 4;

let probe: ProbeChannel;
let server: TestServer;
beforeEach(async () => {
  probe = new ProbeChannel();
  const hold = `stages:\n  - probe: { does: hold, channel: ${probe.name} }\n`;
  server = await testServer({
    pipelines: {
      held: `${hold}limits: { deadline: 60s }\n`,
      brief: `${hold}limits: { deadline: 400ms }\n`,
      pooled: `${hold}    pool: heavy\nlimits: { deadline: 60s }\n`,
      log: "stages: [probe]\n",
    },
    env: {
      FACEWIRE_INFERENCE_WORKERS: "1",
      FACEWIRE_QUEUE_LIMIT: String(LINE),
      FACEWIRE_INFERENCE_ITEMS_PER_WORKER: "2",
      FACEWIRE_POOLS_HEAVY_SLOTS: "1",
      FACEWIRE_POOLS_HEAVY_QUEUE: "1",
    },
  });
});
afterEach(async () => {
  probe[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

/** Sends `count` requests one after the other, each once the one before is in its place or answered. */
async function fill(pipeline: string, count: number) {
  const answers: Promise<RunAnswer>[] = [];
  const settled: RunAnswer[] = [];
  for (let at = 0; at < count; at++) {
    const answer = server.client.run(pipeline, PLAIN_PICTURE);
    void answer.then((given) => settled.push(given));
    answers.push(answer);
    const taken = () => probe.held.length + settled.length;
    await server.client.healthBecomes(({ parts }) => taken() + Number(parts.queue?.details?.waiting) === at + 1);
  }
  return { answers, settled };
}

describe("A full line", () => {
  test("refuses with 503, overloaded and Retry-After while what was accepted waits, and all of that is answered", async () => {
    const { answers, settled } = await fill("held", 2 + LINE + 5);
    expect(settled).toHaveLength(5);
    for (const { status, headers, body } of settled) {
      expect([status, body.error?.code]).toEqual([503, "overloaded"]);
      expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    }
    expect((await server.client.health()).parts.queue).toMatchObject({
      status: "degraded",
      details: { waiting: LINE },
    });
    expect(await server.client.metric("facewire_requests_refused_total")).toBe(5);
    for (let held = 2; held <= 2 + LINE; held += 2) {
      await probe.holds(held);
      probe.releaseAll();
    }
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(2 + LINE);
    await server.client.healthBecomes(isIdle);
    await server.client.expectAsBefore();
  });

  test("answers what it accepted by its deadline, with deadline_exceeded when the worker does not get to it", async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => server.client.run("brief", PLAIN_PICTURE)));
    for (const { status, body } of answers) {
      expect(["504 deadline_exceeded", "503 overloaded"]).toContain(`${status} ${body.error?.code}`);
      expect(body.elapsed_ms ?? 0).toBeLessThan(1_500);
    }
    expect(answers.filter(({ status }) => status === 504).length).toBeGreaterThanOrEqual(2);
    probe.releaseAll();
    await server.client.healthBecomes(isIdle);
    await server.client.expectAsBefore();
  });

  test("keeps health, metrics and lists answering", async () => {
    const { answers } = await fill("held", 2 + LINE);
    for (const path of ["/health/live", "/health", "/v1/pipelines", "/v1/models"]) {
      expect((await server.client.json(path)).status).toBe(200);
    }
    await probe.holds(2);
    for (let held = 2; held <= 2 + LINE; held += 2) {
      await probe.holds(held);
      probe.releaseAll();
    }
    await Promise.all(answers);
  });
});

test("a full pool refuses with 503, pool_full and Retry-After, and holds up nobody who does not need it", async () => {
  const first = server.client.run("pooled", PLAIN_PICTURE);
  await probe.holds(1);
  const second = server.client.run("pooled", PLAIN_PICTURE);
  await server.client.healthBecomes(
    ({ parts }) => (parts.queue!.details!.pools as Record<string, { waiting: number }>).heavy?.waiting === 1,
  );
  const refused = await server.client.run("pooled", PLAIN_PICTURE);
  expect([refused.status, refused.body.error?.code]).toEqual([503, "pool_full"]);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect((await server.client.run("log", PLAIN_PICTURE)).status).toBe(200);
  probe.releaseAll();
  expect((await first).status).toBe(200);
  await probe.holds(2);
  probe.releaseAll();
  expect((await second).status).toBe(200);
  await server.client.expectAsBefore();
});

test("what is more urgent goes first", async () => {
  const { answers: running } = await fill("held", 2);
  const order: string[] = [];
  const waiting = ["2", "9", "5"].map((priority, at) => ({ priority, at }));
  const later: Promise<unknown>[] = [];
  for (const { priority, at } of waiting) {
    later.push(server.client.run("log", PLAIN_PICTURE, `?priority=${priority}`).then(() => order.push(priority)));
    await server.client.healthBecomes(({ parts }) => parts.queue?.details?.waiting === at + 1);
  }
  probe.releaseAll();
  await Promise.all([...running, ...later]);
  expect(order).toEqual(["9", "5", "2"]);
});
