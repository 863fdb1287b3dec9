import { describe, expect, test } from "bun:test";
import { FacewireError } from "../../src/errors.ts";
import { progressNumbers } from "../../src/jobs/job-json.ts";
import { ItemToBeTriedAgain, rejectingPassingItems } from "../../src/jobs/passing-failures.ts";
import { Patience } from "../../src/jobs/patience.ts";
import { packPrimaryFace, unpackPrimaryFace } from "../../src/jobs/primary-faces.ts";
import { RateMeter } from "../../src/jobs/rate.ts";
import { expectedFrames } from "../../src/jobs/run-video.ts";
import type { PrimaryFace } from "../../src/pipeline/results.ts";
import { runResult, scriptedEngine } from "../api/native/scripted-engine.ts";

const FACE: PrimaryFace = {
  box: { x: 1 / 3, y: 2.000001, width: 100, height: 1e-9 },
  score: 0.1 + 0.2,
  quality: {
    sharpness: 1,
    darkness: 1,
    light: 1,
    saturation: 1,
    eyeDistance: 60.5,
    cropRoom: 1,
    overall: 0.7,
  },
  liveness: { probability: 0.9, score: 2.2, prediction: "live", calibration: "REGULAR", raw: 0.8 },
  landmarks: { points: [], five: [] as never },
  descriptor: { model: "m", version: "1", values: Float32Array.from([0.1, -0.2, Math.PI]) },
  crops: {
    portrait: {
      box: { x: 1, y: 2, width: 3, height: 4 },
      contentType: "image/jpeg",
      width: 1,
      height: 1,
      bytes: new Uint8Array(9),
    },
  },
};

describe("A primary face", () => {
  test("comes back as it was, to the last bit, with the parts that are aggregated", () => {
    const packed = packPrimaryFace(FACE, ["descriptor", "liveness"])!;
    // As a database gives it back: a view into something larger.
    const stored = new Uint8Array(packed.byteLength + 3);
    stored.set(packed, 3);
    const face = unpackPrimaryFace(stored.subarray(3));
    const { landmarks: _landmarks, crops: _crops, ...kept } = FACE;
    expect(face).toEqual(kept);
    expect(face.descriptor?.values).toBeInstanceOf(Float32Array);
  });

  test("is kept without what is large and not aggregated, and not at all where nothing is", () => {
    expect(unpackPrimaryFace(packPrimaryFace(FACE, ["liveness"])!)).not.toContainAnyKeys([
      "descriptor",
      "landmarks",
      "crops",
    ]);
    expect(packPrimaryFace(FACE, [])).toBeUndefined();
    expect(packPrimaryFace(undefined, ["liveness"])).toBeUndefined();
  });

  test("is kept whole where a stage that is not built in aggregates: it may need any part", () => {
    expect(unpackPrimaryFace(packPrimaryFace(FACE, ["mark"])!)).toContainAllKeys(Object.keys(FACE) as never);
  });
});

describe("The rate", () => {
  test("is that of the last ten seconds, and not told before half a second", () => {
    const meter = new RateMeter(0, 100);
    expect(meter.update(400, 104)).toBeUndefined();
    expect(meter.update(1_000, 110)).toBe(10);
    for (let second = 2; second <= 20; second++) meter.update(second * 1_000, 110);
    expect(meter.update(21_000, 130)).toBeCloseTo(2, 1);
  });

  test("does not count the time that was waited", () => {
    const meter = new RateMeter(0, 0);
    meter.update(1_000, 10);
    meter.reset(60_000, 10);
    expect(meter.update(61_000, 20)).toBe(10);
  });
});

test("frames are estimated from what a video declares, and not at all where it declares nothing", () => {
  const facts = { duration_s: 10, frame_rate: 24 };
  expect(expectedFrames(facts, { rate: 5 })).toBe(50);
  expect(expectedFrames(facts, { rate: 60 })).toBe(240);
  expect(expectedFrames(facts, { every: 7 })).toBe(35);
  expect(expectedFrames({ duration_s: 10, frame_rate: null }, { rate: 5 })).toBe(50);
  expect(expectedFrames({ duration_s: 10, frame_rate: null }, { every: 2 })).toBeUndefined();
  expect(expectedFrames({ duration_s: null, frame_rate: 24 }, { rate: 5 })).toBeUndefined();
});

test("a job that has more results than its video declared is never more than wholly done", () => {
  const counts = { ok: 30, no_face: 1, rejected: 0, failed: 0 };
  expect(progressNumbers({ counts, total: 25, rate: 10 })).toMatchObject({ done: 31, total: 31, time_left_s: 0 });
  expect(progressNumbers({ counts, total: 62, rate: 10 })).toMatchObject({ time_left_s: 3.1 });
  expect(progressNumbers({ counts, total: undefined, rate: 10 })).toMatchObject({ total: null, time_left_s: null });
});

describe("An item that failed", () => {
  const request = { id: "job-1", pipeline: "face-detect", files: [{ name: "a", bytes: new Uint8Array(1) }] };
  const failing = (code: "no_receiver" | "picture_truncated" | "deadline_exceeded") =>
    scriptedEngine({
      run: async (asked) =>
        runResult(asked, () => ({ status: "failed", error: new FacewireError(code, "No.").toPublic() })),
    });

  test("for a reason that passes is handed to nobody: its run rejects", async () => {
    const items: unknown[] = [];
    const engine = rejectingPassingItems(failing("no_receiver"));
    const run = engine.run({ ...request, onItem: (item) => void items.push(item) });
    await expect(run).rejects.toBeInstanceOf(ItemToBeTriedAgain);
    expect(items).toEqual([]);
  });

  test("by its own fault is a result", async () => {
    const { items } = await rejectingPassingItems(failing("picture_truncated")).run(request);
    expect(items[0]?.error?.code).toBe("picture_truncated");
  });

  test("because its time was up is tried three times: it may only have waited", async () => {
    const engine = rejectingPassingItems(failing("deadline_exceeded"));
    for (const _try of [1, 2]) await expect(engine.run(request)).rejects.toBeInstanceOf(ItemToBeTriedAgain);
    expect((await engine.run(request)).items[0]?.error?.code).toBe("deadline_exceeded");
  });
});

test("a wait is told when it lasts, and that it is over; a stop ends it at once", async () => {
  const stop = new AbortController();
  const told: (string | undefined)[] = [];
  const patience = new Patience({
    signal: stop.signal,
    onWaiting: async (failure) => void told.push(failure?.code),
  });
  const failure = new FacewireError("pool_full", "Full.");
  await patience.wait(failure, 1);
  expect(told).toEqual([]);
  for (const failures of [2, 3, 4]) await patience.wait(failure, failures);
  expect(told).toEqual(["pool_full"]);
  await patience.over();
  expect(told).toEqual(["pool_full", undefined]);
  const long = patience.wait(failure, 99);
  stop.abort();
  await long;
});
