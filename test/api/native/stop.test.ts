import { expect, test } from "bun:test";
import { eventually, rejection } from "../../support/settle.ts";
import { RawClient } from "./raw-client.ts";
import { PIPELINE, runResult, scriptedEngine, untilCancelled } from "./scripted-engine.ts";
import { serveNative } from "./serve.ts";

const RUN = `/v1/pipelines/${PIPELINE}/run`;

test("a stopping API answers what it has taken, takes nothing new, and is not ready meanwhile", async () => {
  const gate = Promise.withResolvers<void>();
  const engine = scriptedEngine({
    run: async (request) => {
      await gate.promise;
      return runResult(request);
    },
  });
  await using served = await serveNative(engine);
  const taken = served.json(RUN, { method: "POST", body: "x" });
  await eventually(() => engine.requests.length === 1);
  const stopped = served.api.stop(10_000);
  await rejection(RawClient.connect(served.port));
  const ready = await served.api.handle(new Request("http://localhost/health/ready"));
  expect(ready.status).toBe(503);
  gate.resolve();
  expect((await taken).status).toBe(200);
  expect(await stopped).toBe(0);
});

test("a stopping API cuts off what does not end in time, cancels its work, and says how much that was", async () => {
  const engine = scriptedEngine({ run: untilCancelled });
  await using served = await serveNative(engine);
  const cut = rejection(fetch(served.url + RUN, { method: "POST", body: "x" }));
  await eventually(() => engine.requests.length === 1);
  expect(await served.api.stop(20)).toBe(1);
  await cut;
  await eventually(() => engine.requests[0]!.signal!.aborted);
});

test("a taken port is told as such", async () => {
  await using first = await serveNative(scriptedEngine());
  const listen = { host: "127.0.0.1", port: first.port };
  const error = await rejection(serveNative(scriptedEngine(), { listen }));
  expect(error).toMatchObject({ code: "config_invalid", details: { address: `127.0.0.1:${first.port}` } });
});
