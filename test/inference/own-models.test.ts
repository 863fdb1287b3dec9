/** A user's own models, added by a card and a file; nothing in the code knows them. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { ModelOutputs } from "../../src/inference/model.ts";
import { OnnxGraph } from "../../src/inference/prepare/onnx-graph.ts";
import { loadModel } from "../../src/inference/session.ts";
import { pullModels } from "../../src/inference/store.ts";
import type { Picture } from "../../src/media/picture.ts";
import { pictureFromRgb } from "../../src/media/raster.ts";
import { thrownBy } from "../support/thrown.ts";
import { ModelFolder } from "./model-folder.ts";
import { constantDetector, linearNetwork, network } from "./networks.ts";

const WIDTH = 64;
const HEIGHT = 48;
const whole = { x: 0, y: 0, width: WIDTH, height: HEIGHT };
/** Left half red, right half blue. */
const left = { box: { x: 8, y: 16, width: 16, height: 16 } };
const right = { box: { x: 40, y: 16, width: 16, height: 16 } };
const RED = [255, 0, 0];
const BLUE = [0, 51, 204];

let folder: ModelFolder;
let picture: Picture;

beforeEach(async () => {
  folder = await ModelFolder.create();
  const pixels = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => {
    const x = Math.floor(i / 3) % WIDTH;
    return (x < WIDTH / 2 ? RED : BLUE)[i % 3]!;
  });
  picture = pictureFromRgb(pixels, WIDTH, HEIGHT);
});

afterEach(async () => {
  picture.release();
  await folder[Symbol.asyncDispose]();
});

/** Pulls, loads and runs the model named `own`. */
async function run(...subjects: { box: typeof whole }[]): Promise<readonly ModelOutputs[]> {
  const model = await folder.load("own");
  try {
    return await model.run(picture, subjects);
  } finally {
    await model.release();
  }
}

/** Why the model named `own` cannot be loaded. */
async function refusal(): Promise<unknown> {
  const catalog = await folder.catalog();
  await pullModels(catalog, folder.cache);
  return thrownBy(loadModel(catalog.get("own"), catalog.preparedFile("own", folder.cache)));
}

const attributes = (outputs: object, more: object = {}) => ({ task: "attributes", outputs, ...more });

test("an own detector: boxes in picture pixels, weak ones dropped, doubles suppressed, best first", async () => {
  const faces = [
    { box: [0.5, 0.25, 0.75, 0.5], score: 0.7 },
    { box: [0, 0, 0.25, 0.5], score: 0.9 },
    { box: [0.02, 0, 0.25, 0.5], score: 0.8 },
    { box: [0.5, 0.5, 0.6, 0.6], score: 0.4 },
  ];
  await folder.network("own", constantDetector(32, faces), {
    task: "detect",
    input: { tensor: "input", width: 32, height: 32, color: "rgb", mean: [127], std: [128] },
    crop: { rule: "letterbox" },
    outputs: { faces: { decode: "ultraface", scores: "scores", boxes: "boxes", threshold: 0.6, nms_iou: 0.4 } },
  });

  const [outputs] = await run({ box: whole });
  // 64 picture pixels over 32 of the input: a scale of 2, also downwards.
  expect(outputs!.faces).toEqual({
    kind: "detections",
    detections: [
      { box: { x: 0, y: 0, width: 16, height: 32 }, score: Math.fround(0.9) },
      { box: { x: 32, y: 16, width: 16, height: 16 }, score: Math.fround(0.7) },
    ],
  });
});

test("an own liveness model: its labels and calibration are the card's", async () => {
  await folder.network(
    "own",
    linearNetwork(3, 8, [
      [4, 0, 0],
      [0, 0, 4],
    ]),
    {
      task: "liveness",
      outputs: { live: { decode: "softmax", tensor: "output", labels: ["photo", "person"] } },
      liveness: { live_label: "person", thresholds: { SOFT: 0.4, REGULAR: 0.5, HARD: 0.9 }, min_crop_room: 0 },
    },
  );

  const [red, blue] = await run(left, right);
  const spoof = 1 / (1 + Math.exp(-4));
  const live = 1 / (1 + Math.exp(-4 * 0.8));
  expect(Array.from((red!.live as { values: Float32Array }).values)).toEqual([
    expect.closeTo(spoof, 6),
    expect.closeTo(1 - spoof, 6),
  ]);
  expect((blue!.live as { values: Float32Array }).values[1]).toBeCloseTo(live, 6);
});

test("an own attribute model: numbers, expectations and labels side by side", async () => {
  const graph = network(3, 8, (g) => {
    const means = g.node("ReduceMean", ["input"], { axes: [2, 3], keepdims: 0 });
    g.node("MatMul", [means, g.floats([1, 0, 0], [3, 1])], {}, "redness");
    g.node("MatMul", [means, g.floats([9, 0, 0, 0, 0, 9], [3, 2])], {}, "ages");
    g.node("MatMul", [means, g.floats([0, 0, 1], [3, 1])], {}, "blueness");
    return [
      { name: "redness", dims: ["N", 1] },
      { name: "ages", dims: ["N", 2] },
      { name: "blueness", dims: ["N", 1] },
    ];
  });
  await folder.network(
    "own",
    graph,
    attributes({
      red: { decode: "value", tensor: "redness", scale: 100, offset: 5 },
      age: { decode: "expectation", tensor: "ages", scale: 10, offset: 20 },
      tint: { decode: "binary", tensor: "blueness", labels: ["warm", "cold"], applied: true },
      tint_logit: { decode: "binary", tensor: "blueness", labels: ["warm", "cold"] },
    }),
  );

  const [red, blue] = await run(left, right);
  const second = (logit: number) => 1 / (1 + Math.exp(-logit));
  expect(red).toMatchObject({
    red: { kind: "number", value: 105 },
    age: { kind: "number", value: expect.closeTo(20 + 10 * second(-9), 4) },
    tint: { kind: "probabilities", values: Float32Array.of(1, 0) },
    tint_logit: { kind: "probabilities", values: Float32Array.of(0.5, 0.5) },
  });
  expect(blue).toMatchObject({
    red: { kind: "number", value: 5 },
    age: { kind: "number", value: expect.closeTo(20 + 10 * second(9 * 0.8), 4) },
  });
  expect((blue!.tint as { values: Float32Array }).values[1]).toBeCloseTo(0.8, 5);
});

test("an own descriptor model: aligned crops, unit length, as many crops a call as its card says", async () => {
  const template = [
    [2, 2],
    [6, 2],
    [4, 4],
    [2, 6],
    [6, 6],
  ];
  await folder.network(
    "own",
    linearNetwork(3, 8, [
      [3, 0, 0],
      [0, 0, 5],
    ]),
    {
      task: "descriptor",
      batch: 2,
      crop: { rule: "align", template, border: "zero" },
      outputs: { descriptor: { decode: "embedding", tensor: "output", length: 2, normalize: "l2" } },
      similarity: { metric: "cosine", slope: 10, midpoint: 0.5 },
    },
  );
  const model = await folder.load("own");
  const around = (x: number, y: number) => ({
    box: whole,
    five: template.map(([u, v]) => [x + u!, y + v!] as const),
  });

  const found = await model.run(picture, [around(8, 8), around(48, 8), around(8, 30)]);
  const vectors = found.map(({ descriptor }) => Array.from((descriptor as { values: Float32Array }).values));
  expect(vectors).toEqual([
    [1, 0],
    [0, 1],
    [1, 0],
  ]);
  await model.release();
});

test("the same crops give the same answers in batches of any size", async () => {
  const subjects = Array.from({ length: 7 }, (_, i) => ({ box: { x: 4 + 6 * i, y: 10, width: 12, height: 14 } }));
  const answers: unknown[] = [];
  for (const batch of [1, 3, 7, 64]) {
    await folder.network(
      "own",
      linearNetwork(3, 8, [[1, 2, 3]]),
      attributes({ mean: { decode: "value", tensor: "output" } }, { batch }),
    );
    answers.push(await run(...subjects));
  }
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
  expect(answers[3]).toEqual(answers[0]);
});

test("colour order, mean and deviation are the card's", async () => {
  const card = attributes({ first: { decode: "value", tensor: "output" } });
  const first = linearNetwork(3, 8, [[1, 0, 0]]);
  await folder.network("own", first, {
    ...card,
    input: { tensor: "input", width: 8, height: 8, color: "bgr", mean: [4, 0, 0], std: [2, 1, 1] },
  });
  expect(await run(right)).toEqual([{ first: { kind: "number", value: (204 - 4) / 2 } }]);

  await folder.network("own", linearNetwork(1, 8, [[1]]), {
    ...card,
    input: { tensor: "input", width: 8, height: 8, color: "gray", mean: [0], std: [1] },
  });
  const [gray] = await run(left);
  expect((gray!.first as { value: number }).value).toBeCloseTo(0.299 * 255, 3);
});

test("two items in one model at once do not see each other's crops", async () => {
  await folder.network(
    "own",
    linearNetwork(3, 8, [[1, 0, 0]]),
    attributes({ red: { decode: "value", tensor: "output" } }),
  );
  const model = await folder.load("own");
  const value = async (subject: typeof left) =>
    ((await model.run(picture, [subject]))[0]!.red as { value: number }).value;
  const subjects = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? left : right));
  expect(await Promise.all(subjects.map(value))).toEqual(subjects.map((subject) => (subject === left ? 1 : 0)));
  await model.release();
});

test("no subjects are no work", async () => {
  await folder.network(
    "own",
    linearNetwork(3, 8, [[1, 0, 0]]),
    attributes({ red: { decode: "value", tensor: "output" } }),
  );
  expect(await run()).toEqual([]);
});

test("an answer that is no number fails the stage, it is never passed on", async () => {
  const file = network(3, 8, (g) => {
    const mean = g.node("ReduceMean", ["input"], { axes: [1, 2, 3], keepdims: 1 });
    // A logarithm that exists for the black crop a model is tried with when it is loaded, and not for the red one.
    const flat = g.node("Reshape", [g.node("Sub", [g.floats([1 / 3], []), mean]), g.integers([-1, 1])]);
    g.node("Log", [g.node("Sub", [flat, g.floats([0.01], [])])], {}, "output");
    return [{ name: "output", dims: ["N", 1] }];
  });
  await folder.network("own", file, attributes({ log: { decode: "value", tensor: "output" } }));
  expect(await thrownBy(run(left))).toMatchObject({ code: "stage_failed" });
});

const value = { decode: "value", tensor: "output" };
test.each([
  [
    "an output the network does not have",
    { outputs: { a: { ...value, tensor: "age" } } },
    "no output age, only output",
  ],
  [
    "another number of values",
    { outputs: { a: { decode: "softmax", tensor: "output", labels: ["a", "b"] } } },
    "2 values",
  ],
  [
    "another input name",
    { input: { tensor: "data", width: 8, height: 8, color: "rgb", mean: [0], std: [1] } },
    "input",
  ],
  [
    "another picture size",
    { input: { tensor: "input", width: 9, height: 8, color: "rgb", mean: [0], std: [1] } },
    "8, 9]",
  ],
  ["other channels", { input: { tensor: "input", width: 8, height: 8, color: "gray", mean: [0], std: [1] } }, "[n, 1,"],
])("a card that states %s is refused when the model is loaded", async (_what, keys, words) => {
  await folder.network("own", linearNetwork(3, 8, [[1, 0, 0]]), { ...attributes({ a: value }), ...keys });
  expect(await refusal()).toMatchObject({ code: "model_unavailable", message: expect.stringContaining(words) });
});

test("a network for one picture cannot have a batch on its card, unless it is made dynamic", async () => {
  const build = () =>
    network(
      3,
      8,
      (g) => {
        const means = g.node("ReduceMean", ["input"], { axes: [1, 2, 3], keepdims: 1 });
        g.node("Reshape", [means, g.integers([1, -1])], {}, "output");
        return [{ name: "output", dims: [1, 1] }];
      },
      1,
    );
  await folder.network("own", build(), attributes({ a: value }, { batch: 4 }));
  expect(await refusal()).toMatchObject({
    code: "model_unavailable",
    message: expect.stringContaining("dynamic-batch"),
  });

  await folder.network("own", build(), attributes({ a: value }));
  expect(await run(left, right)).toHaveLength(2);
});

test("a network that mixes up its batch inside is refused when it is loaded", async () => {
  const file = network(3, 8, (g) => {
    g.node("ReduceMean", ["input"], { axes: [0, 1, 2, 3], keepdims: 1 }, "mean");
    g.node("Reshape", ["mean", g.integers([1, 1])], {}, "output");
    return [{ name: "output", dims: ["N", 1] }];
  });
  await folder.network("own", file, attributes({ a: value }, { batch: 2 }));
  expect(await refusal()).toMatchObject({ code: "model_unavailable" });
});

test("a file that is no network is refused with model_unavailable", async () => {
  const graph = new OnnxGraph();
  graph.node("NoSuchOperator", ["input"], {}, "output");
  const file = graph.finish([{ name: "input", dims: ["N", 3, 8, 8] }], [{ name: "output", dims: ["N", 1] }]);
  await folder.network("own", file, attributes({ a: value }));
  expect(await refusal()).toMatchObject({ code: "model_unavailable" });
});

test("a file that was not pulled is refused with model_unavailable", async () => {
  await folder.network("own", linearNetwork(3, 8, [[1, 0, 0]]), attributes({ a: value }));
  const catalog = await folder.catalog();
  const loading = loadModel(catalog.get("own"), catalog.preparedFile("own", folder.cache));
  expect(await thrownBy(loading)).toMatchObject({ code: "model_unavailable" });
});
