import { describe, expect, test } from "bun:test";
import type { RunResult } from "../../../src/pipeline/results.ts";
import { samplePicture, testEngine } from "../../support/engine.ts";
import { hasNatsServer } from "../../support/nats-server.ts";
import { type Exchange, memoryExchange, oneFile, ownNats, startApi, startMember, twice } from "./cluster.ts";

const EVERYTHING = `parameters:
  least: { type: number, default: 0, minimum: 0, maximum: 1 }
  emotions: { type: boolean, default: true }
  eyes: { type: string, default: both, one_of: [both, none] }
stages:
  - detect: {}
  - landmarks: {}
    place: faces
  - reject: { reason: score }
    when: face.score < request.least
  - iso-frame: {}
  - pose: {}
  - eyes: {}
    when: request.eyes == "both"
  - quality: {}
  - liveness: {}
  - attributes: {}
    place: more
  - emotion: {}
    when: request.emotions
  - descriptor: {}
  - crop: { portrait_frame: iso, warp: true }
aggregate: { liveness: mean, descriptor: quality-weighted-mean }
limits: { deadline: 30s }
`;

/** What a run says, without what is measured anew each time. */
function said({ items, aggregate }: RunResult) {
  return {
    aggregate,
    items: items.map(({ timing: _timing, explain, ...item }) => ({
      ...item,
      explain: explain?.map(({ elapsed_ms: _elapsed, waited_ms: _waited, ...trace }) => trace),
    })),
  };
}

const exchanges: [string, boolean, () => Promise<Exchange>][] = [
  ["the bus in memory", true, async () => memoryExchange()],
  ["a bus that carries 64 KiB", true, async () => memoryExchange({ maxMessageBytes: 64 * 1024 })],
  ["a bus that delivers everything twice", true, async () => twice(memoryExchange())],
  ["NATS", hasNatsServer(), () => ownNats("same")],
];

describe.each(exchanges)("over %s", (_name, there, make) => {
  test.skipIf(!there)(
    "a picture gives the same results to the last digit as in one process",
    async () => {
      await using alone = await testEngine({ everything: EVERYTHING });
      await using exchange = await make();
      await using _faces = await startMember(exchange);
      await using _more = await startMember(exchange, { groups: ["more"] });
      await using api = await startApi(exchange, { everything: EVERYTHING });
      for (const name of ["sample1.jpg", "sample3.jpg"]) {
        const request = { ...oneFile(name, await samplePicture(name)), explain: true, draw: true, exif: true };
        const expected = await alone.run("everything", request);
        expect(expected.items[0]?.faces.length).toBeGreaterThan(1);
        expect(said(await api.run("everything", request))).toEqual(said(expected));
      }
      expect([...api.sent]).toEqual([
        ["faces", 2],
        ["more", 2],
      ]);
      expect(api.parcels.keptBytes).toBe(0);
    },
    60_000,
  );

  test.skipIf(!there)(
    "parameters go with the picture, and choose there what they choose in one process",
    async () => {
      await using alone = await testEngine({ everything: EVERYTHING });
      await using exchange = await make();
      await using _faces = await startMember(exchange);
      await using _more = await startMember(exchange, { groups: ["more"] });
      await using api = await startApi(exchange, { everything: EVERYTHING });
      const file = oneFile("sample1.jpg", await samplePicture("sample1.jpg"));
      const choices: Record<string, boolean | number | string>[] = [
        { emotions: false },
        { least: 0.9991, eyes: "none" },
        { least: 1 },
      ];
      for (const parameters of choices) {
        const request = { ...file, parameters, explain: true };
        const expected = await alone.run("everything", request);
        expect(said(await api.run("everything", request))).toEqual(said(expected));
        const kept = expected.items[0]!.faces.filter((face) => !face.rejected);
        expect(kept.every((face) => (face.emotion !== undefined) === (parameters.emotions ?? true))).toBe(true);
        expect(kept.every((face) => (face.eyes !== undefined) === (parameters.eyes !== "none"))).toBe(true);
        expect(kept.every((face) => face.score >= Number(parameters.least ?? 0))).toBe(true);
      }
    },
    60_000,
  );

  test.skipIf(!there)(
    "so it does where one process runs the stages of all groups, and the engine none",
    async () => {
      await using alone = await testEngine({ everything: EVERYTHING });
      await using exchange = await make();
      await using _member = await startMember(exchange, { groups: ["default", "faces", "more"] });
      await using api = await startApi(exchange, { everything: EVERYTHING }, { own: false });
      const request = oneFile("sample2.jpg", await samplePicture("sample2.jpg"));
      expect(said(await api.run("everything", request))).toEqual(said(await alone.run("everything", request)));
      expect([...api.sent.values()]).toEqual([1, 1, 1]);
    },
    60_000,
  );
});
