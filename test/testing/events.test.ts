/** What the collector of events promises. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { scripted, startTestServer, type TestServer, testPicture } from "../../src/testing/index.ts";
import { thrownBy } from "../support/thrown.ts";

let server: TestServer;
const picture = await testPicture();

beforeAll(async () => {
  const faces = [{ box: [40, 30, 120, 150] }, { box: [300, 40, 120, 150] }] as const;
  const models = { "detector-default": scripted(faces), "liveness-default": scripted({ live: 0.02 }), "*": scripted() };
  const pipelines = { judge: "stages:\n  - detect: {}\n  - liveness: {}\n" };
  server = await startTestServer({ shipped: ["face-detect"], pipelines, models });
  await server.run("judge", picture);
});
afterAll(() => server.stop());

test("gives each event once, those from before it was asked too", async () => {
  const faces = [await server.events.next("face.liveness"), await server.events.next("face.liveness")];
  expect(faces.map(({ data }) => data.face)).toEqual([0, 1]);
  const late = await thrownBy(server.events.next("face.liveness", { timeoutMs: 20 }));
  expect(String(late)).toMatch(/No further event came within 20 ms that is face\.liveness\. \d+ came:\n\{"id":/);
});

test("waits for what is still to come", async () => {
  const coming = server.events.next({ type: "request.completed", pipeline: "face-detect" });
  const { request } = await server.run("face-detect", picture);
  expect((await coming).request).toBe(request);
});

test("finds events by parts of their data", async () => {
  const events = await server.events.all({ type: "face.liveness", data: { calibration: "REGULAR", box: { x: 40 } } });
  expect(events.map(({ verdict }) => verdict)).toEqual(["spoof"]);
  expect(await server.events.all({ type: "face.liveness", data: { face: 7 } })).toEqual([]);
});

test("says that something was not told only after everything told before has come", async () => {
  await server.events.none({ type: "item.failed" });
  const { request } = await server.run("judge", picture);
  expect(await thrownBy(server.events.none({ request, verdict: "spoof" }))).toMatchObject({
    message: expect.stringContaining(request),
  });
});

test("says how the connection ended to whoever still waits", async () => {
  const other = await startTestServer({ shipped: false, models: { "*": scripted() } });
  const waiting = thrownBy(other.events.next("face.liveness"));
  await other.events.all();
  await other.stop();
  expect(String(await waiting)).toContain("The connection to the events ended");
});
