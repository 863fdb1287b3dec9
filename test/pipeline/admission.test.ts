/** Which requests are taken while others wait: what would miss its deadline is refused, what can keep it is not. */
import { expect, test } from "bun:test";
import type { RunRequest } from "../../src/pipeline/results.ts";
import { PLAIN_PICTURE, type TestEngine, testEngine } from "../support/engine.ts";
import { ProbeChannel } from "../support/probe.ts";
import { eventually } from "../support/settle.ts";

const held = (channel: ProbeChannel, more = "") =>
  `stages:\n  - probe: { does: hold, channel: ${channel.name} }\n${more}`;

function runMany(engine: TestEngine, count: number, options: Partial<RunRequest> = {}) {
  const files = Array.from({ length: count }, (_, i) => ({ name: `${count}-${i}`, bytes: PLAIN_PICTURE }));
  return engine.run("hold", { files, ...options });
}

function waiting(engine: TestEngine): unknown {
  return engine.engine.health().queue?.details?.waiting;
}

test("an idle engine takes a request of any size, a busy one counts all its pictures", async () => {
  using probe = new ProbeChannel();
  await using engine = await testEngine(
    { hold: held(probe) },
    { itemsPerWorker: 1, queue: { limit: 4, maxBytes: 1e6 } },
  );
  const leaving = new AbortController();
  const large = runMany(engine, 10, { signal: leaving.signal }).catch((error) => error.code);
  await probe.holds(1);
  expect(waiting(engine)).toBe(9);
  expect(engine.engine.health().queue?.status).toBe("degraded");
  expect(runMany(engine, 1)).rejects.toMatchObject({ code: "overloaded" });
  leaving.abort();
  expect(await large).toBe("request_cancelled");
  expect(engine.engine.health().queue?.status).toBe("ok");
  probe.releaseAll();
});

test("the last of many pictures must be able to keep the deadline, and the first of few does", async () => {
  using probe = new ProbeChannel();
  await using engine = await testEngine(
    { hold: held(probe) },
    { itemsPerWorker: 1, queue: { limit: 1000, maxBytes: 1e9 } },
  );
  const leaving = new AbortController();
  const { signal } = leaving;
  const runs = [runMany(engine, 1, { signal })];
  await probe.holds(1);
  runs.push(runMany(engine, 1, { signal }));
  await eventually(() => waiting(engine) === 1);
  // A plan that was never measured is taken to cost tens of milliseconds a picture.
  expect(runMany(engine, 100, { deadlineMs: 1000 })).rejects.toMatchObject({ code: "overloaded" });
  runs.push(runMany(engine, 2, { deadlineMs: 1000, signal }));
  await eventually(() => waiting(engine) === 3);
  leaving.abort();
  probe.releaseAll();
  for (const outcome of await Promise.allSettled(runs)) expect(outcome.status).toBe("rejected");
});
