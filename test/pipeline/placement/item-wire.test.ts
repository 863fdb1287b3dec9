import { describe, expect, test } from "bun:test";
import { checkPacked } from "../../../src/bus/nats/check-packed.ts";
import { pack, unpack } from "../../../src/bus/nats/packed.ts";
import { measureMessage, NO_HEADERS, type WireRecord, type WireValue } from "../../../src/bus/wire.ts";
import {
  outcomeFromWire,
  outcomeToWire,
  type SentTask,
  taskFromWire,
  taskToWire,
} from "../../../src/pipeline/placement/item-wire.ts";
import type { ItemOutcome } from "../../../src/pipeline/protocol.ts";
import type { Face } from "../../../src/stages/item.ts";
import { thrownBy } from "../../support/thrown.ts";

/** What arrives in another process. */
function sent(value: WireValue): WireValue {
  measureMessage("subject", NO_HEADERS, value);
  const bytes = pack(value);
  checkPacked(bytes, { depth: 32, size: 1e6 });
  return unpack(bytes);
}

const FULL: Face = {
  box: { x: 0.1 + 0.2, y: -0, width: 5e-324, height: 1 / 3 },
  score: Number.NaN,
  landmarks: {
    points: Array.from({ length: 68 }, (_, i) => [i / 7, Math.PI * i] as const),
    five: [
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
      [0.1, Number.NEGATIVE_INFINITY],
    ],
  },
  pose: { yaw: -1e300, pitch: 0, roll: 1 },
  eyes: {
    left: { closedProbability: 0.1, aspectRatio: 0.2, state: "open" },
    right: { closedProbability: 0.3, aspectRatio: 0.4, state: "closed" },
  },
  quality: { sharpness: 1, darkness: 0.5, light: 0.25, saturation: 0, eyeDistance: 33.3, cropRoom: 1, overall: 0.7 },
  liveness: { probability: 0.5, score: Number.POSITIVE_INFINITY, prediction: "live", calibration: "REGULAR", raw: 0.3 },
  attributes: { age: { value: 31.25 }, gender: { label: "female", probabilities: { female: 0.9, male: 0.1 } } },
  frame: { x: -1.5, y: 0.1, width: 3, height: 4 },
  emotion: { label: "happy", probabilities: { happy: 1 } },
  descriptor: { model: "m", version: "1", values: new Float32Array([0.1, -0, 3e38, 1e-45]) },
  crops: {
    portrait: {
      box: { x: 1, y: 2, width: 3, height: 4 },
      contentType: "image/jpeg",
      width: 2,
      height: 3,
      bytes: new Uint8Array([1, 2, 3]),
    },
  },
  rejected: { stage: "s", reason: "r", message: "m" },
  extra: {
    own: [new Float64Array([1, 2]), new Date(1234), undefined, { deep: new Int16Array([-5]), list: [null, true, "ä"] }],
  },
};

const TASK: SentTask = {
  input: { type: "file", bytes: new Uint8Array([9, 8, 7]), fromFrame: true },
  index: 3,
  name: "naïve.jpg",
  faces: [FULL],
  carry: true,
  snapshotAbove: Number.NEGATIVE_INFINITY,
  parameters: { attributes: true, score_threshold: 0.1, mode: "ä" },
  explain: true,
  draw: false,
  exif: true,
};

const OUTCOME: ItemOutcome = {
  picture: { width: 4, height: 5, format: "jpeg", exif: { DateTimeOriginal: new Date(99), Make: "x" } },
  faces: [FULL],
  error: { code: "stage_failed", message: "m", details: { stage: "1. probe", list: [1] } },
  internal: "at x",
  decodeMs: 0.25,
  times: [{ id: "1. a", kind: "a", elapsedMs: 1, waitedMs: 0, startedAt: 5 }],
  traces: [
    {
      stage: "1. a",
      kind: "a",
      options: { model: "m" },
      reads: ["picture"],
      writes: [],
      faces_in: 0,
      faces_out: 1,
      input: undefined,
      output: { faces: [{ descriptor: new Float32Array([1.5]) }] },
      elapsed_ms: 1,
      waited_ms: 0,
      ran: true,
      reasons: ["because"],
    },
  ],
  drawn: new Uint8Array([1]),
  carried: new Uint8Array([2]),
  snapshot: { rank: 0.5, width: 1, height: 2, jpeg: new Uint8Array([3]) },
};

describe("An item that goes to another process and back", () => {
  test("is the same to the last bit, whatever its stages wrote", () => {
    expect(taskFromWire(sent(taskToWire(TASK)))).toEqual(TASK);
    expect(outcomeFromWire(sent(outcomeToWire(OUTCOME)))).toEqual(OUTCOME);
    const odd = new Uint32Array([0x7fc12345, 0xffc00001, 0x80000000, 1]);
    const descriptor = { model: "m", version: "1", values: new Float32Array(odd.buffer) };
    const [face] = outcomeFromWire(sent(outcomeToWire({ ...OUTCOME, faces: [{ ...FULL, descriptor }] }))).faces;
    expect(Object.is(face?.box.y, -0)).toBe(true);
    expect(new Uint32Array(face?.descriptor?.values.buffer ?? new ArrayBuffer(0))).toEqual(odd);
  });

  test("carries the raw pixels of a frame", () => {
    const buffer = new SharedArrayBuffer(64);
    new Uint8Array(buffer).set(Array.from({ length: 64 }, (_, i) => i));
    const pixels = { buffer, offset: 10, width: 3, height: 3, matrix: "bt709", range: "full" } as const;
    const { input } = taskFromWire(sent(taskToWire({ ...TASK, input: { type: "frame", pixels } })));
    if (input.type !== "frame") throw new Error("It is no frame any more.");
    expect(input.pixels).toMatchObject({ offset: 0, width: 3, height: 3, matrix: "bt709", range: "full" });
    expect([...new Uint8Array(input.pixels.buffer)]).toEqual(Array.from({ length: 17 }, (_, i) => i + 10));
  });

  test("is refused with stage_failed when a stage wrote what no message carries", async () => {
    for (const extra of [{ method: () => 1 }, { big: 1n }, { map: new Map() }, { "": 1 }]) {
      expect(await thrownBy(() => taskToWire({ ...TASK, faces: [{ ...FULL, extra }] }))).toMatchObject({
        code: "stage_failed",
      });
    }
  });

  test("is refused with message_invalid when it does not have its form", async () => {
    const task = taskToWire(TASK);
    const frame = { type: "frame", width: 100, height: 100, matrix: "bt601", range: "full", bytes: new Uint8Array(10) };
    const wrong: WireValue[] = [
      null,
      {},
      { ...task, index: -1 },
      { ...task, input: "picture" },
      { ...task, input: frame },
      { ...task, faces: [{ box: { x: "1", y: 0, width: 0, height: 0 }, score: 1 }] },
      {
        ...task,
        faces: [
          {
            ...(task.faces as readonly WireRecord[])[0],
            descriptor: { model: "m", version: "1", values: new Uint8Array(3) },
          },
        ],
      } as WireValue,
    ];
    for (const value of wrong)
      expect(await thrownBy(() => taskFromWire(value))).toMatchObject({ code: "message_invalid" });
    expect(await thrownBy(() => outcomeFromWire({ ...outcomeToWire(OUTCOME), times: 1 }))).toMatchObject({
      code: "message_invalid",
    });
  });
});
