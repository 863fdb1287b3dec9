import { afterEach, beforeEach, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { ModelCatalog } from "../../src/inference/catalog.ts";
import type { Problem } from "../../src/yaml/problem.ts";
import { thrownBy } from "../support/thrown.ts";
import { CARD, ModelFolder } from "./model-folder.ts";

const softmax = { decode: "softmax", tensor: "output", labels: ["live", "spoof"] };
const liveness = {
  task: "liveness",
  outputs: { live: softmax },
  liveness: { live_label: "live", thresholds: { SOFT: 0.1, REGULAR: 0.3, HARD: 0.5 }, min_crop_room: 0.5 },
};
const attributes = { task: "attributes", outputs: { age: { decode: "value", tensor: "output" } } };

let folder: ModelFolder;
beforeEach(async () => {
  folder = await ModelFolder.create();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** The problems of a folder whose cards are wrong. */
async function problems(): Promise<readonly Problem[]> {
  const thrown = await thrownBy(folder.catalog());
  expect(thrown).toMatchObject({ code: "card_invalid" });
  return (thrown as { details: { problems: readonly Problem[] } }).details.problems;
}

async function problemOf(card: object): Promise<Problem> {
  await folder.card(card);
  const [first, ...others] = await problems();
  expect(others).toEqual([]);
  return first!;
}

/** Text of a card with the line of a key. */
function lineOf(text: string, key: string): number {
  return text.split("\n").findIndex((line) => line.trimStart().startsWith(`${key}:`)) + 1;
}

test("a card is found by its name and by each alias, with defaults filled in", async () => {
  await folder.card({ ...attributes, name: "one", aliases: ["first", "number-1"] });
  await folder.card({ ...liveness, name: "two" });
  const catalog = await folder.catalog();

  expect(catalog.list().map(({ name }) => name)).toEqual(["one", "two"]);
  expect(catalog.get("number-1")).toBe(catalog.get("one"));
  expect(catalog.get("one")).toMatchObject({ batch: 1, crop: { rule: "square", scale: 1, shift_y: 0 } });
});

test("an unknown name is told with the nearest one", async () => {
  await folder.card({ ...liveness, name: "minifasnet", aliases: ["liveness-default"] });
  const catalog = await folder.catalog();
  expect(() => catalog.get("livenes-default")).toThrow(
    expect.objectContaining({
      code: "model_unknown",
      details: { name: "livenes-default", known: ["liveness-default", "minifasnet"], nearest: "liveness-default" },
    }),
  );
});

test("a prepared file is named after its model and its sha256, so that a changed card gets a new file", async () => {
  await folder.card({ ...attributes, aliases: ["a"], sha256: "ab".repeat(32) });
  const catalog = await folder.catalog();
  expect(catalog.preparedFile("a", "/cache")).toBe(join("/cache", "own.abababababab.onnx"));
});

test("a misspelt key is told with its file, line, the allowed keys and the nearest one", async () => {
  const text = stringify({ ...CARD, ...attributes }).replace("license:", "licence:");
  await writeFile(join(folder.cards, "own.yaml"), text);

  const found = await problems();
  expect(found).toContainEqual(
    expect.objectContaining({
      file: "own.yaml",
      line: lineOf(text, "licence"),
      path: "licence",
      nearest: "license",
      allowed: expect.arrayContaining(["license", "provenance", "sha256"]),
    }),
  );
});

test("a misspelt key inside an output rule is told with the keys of that rule", async () => {
  const problem = await problemOf({ ...attributes, outputs: { age: { decode: "value", tensor: "output", scal: 2 } } });
  expect(problem).toMatchObject({ path: "outputs.age.scal", nearest: "scale" });
  expect(problem.allowed).not.toContain("labels");
});

test("all wrong cards are told at once", async () => {
  await folder.card({ ...attributes, name: "one", task: "atributes" });
  await folder.card({ ...attributes, name: "two", sha256: "short" });
  expect((await problems()).map(({ file, path }) => [file, path])).toEqual([
    ["one.yaml", "task"],
    ["two.yaml", "sha256"],
  ]);
});

test("a name may be used once, as name or alias", async () => {
  await folder.card({ ...attributes, name: "one", aliases: ["two"] });
  await folder.card({ ...attributes, name: "two" });
  expect(await problems()).toMatchObject([
    { file: "two.yaml", path: "name", message: "the name is taken by one.yaml" },
  ]);
});

test("the number of descriptor files may be used once, and only by descriptor models", async () => {
  const outputs = { descriptor: { decode: "embedding", tensor: "o", length: 4, normalize: "l2" } };
  await folder.card({ task: "descriptor", outputs, name: "one", sdk_version: 2001 });
  await folder.card({ task: "descriptor", outputs, name: "two", sdk_version: 2001 });
  await folder.card({ ...attributes, name: "zwei", sdk_version: 2002 });
  expect(await problems()).toMatchObject([
    { file: "two.yaml", path: "sdk_version", message: "the number is taken by one.yaml" },
    { file: "zwei.yaml", path: "sdk_version", message: "belongs to cards of task descriptor only" },
  ]);
});

test.each([
  ["detect", { faces: softmax }, "outputs.faces.decode"],
  ["detect", { other: softmax }, "outputs"],
  ["landmarks", { points: { decode: "points", tensor: "o", count: 5 } }, "outputs.points.count"],
  ["descriptor", { vector: { decode: "embedding", tensor: "o", length: 4, normalize: "l2" } }, "outputs"],
  ["eyes", { closed: { ...softmax, labels: ["shut", "open"] } }, "outputs.closed.labels"],
  ["emotion", { emotion: { decode: "value", tensor: "o" } }, "outputs.emotion.decode"],
  ["attributes", {}, "outputs"],
  ["attributes", { mood: { ...softmax, labels: ["a", "a"] } }, "outputs.mood.labels"],
])("a card of task %s cannot have the outputs %j", async (task, outputs, path) => {
  expect(await problemOf({ task, outputs })).toMatchObject({ path });
});

test("a pose needs all three angles", async () => {
  await folder.card({ task: "pose", outputs: { yaw: { decode: "value", tensor: "o" } } });
  expect((await problems()).map(({ message }) => message)).toEqual([
    "must hold an output named pitch for task pose",
    "must hold an output named roll for task pose",
  ]);
});

test("a liveness card needs its calibration, with a label that exists and thresholds that rise", async () => {
  expect(await problemOf({ ...liveness, liveness: undefined })).toMatchObject({ path: "task" });
  expect(await problemOf({ ...liveness, liveness: { ...liveness.liveness, live_label: "alive" } })).toMatchObject({
    path: "liveness.live_label",
    allowed: ["live", "spoof"],
    nearest: "live",
  });
  const thresholds = { SOFT: 0.5, REGULAR: 0.3, HARD: 0.9 };
  expect(await problemOf({ ...liveness, liveness: { ...liveness.liveness, thresholds } })).toMatchObject({
    path: "liveness.thresholds",
  });
  expect(await problemOf({ ...attributes, liveness: liveness.liveness })).toMatchObject({ path: "liveness" });
});

test.each([
  ["npm:package/file.onnx", "without a version"],
  ["npm:package@^1.0.0/file.onnx", "with a range of versions"],
  ["npm:package@1.0.0", "without a path"],
  ["https:nowhere", "without a host"],
  ["file:", "without a path"],
])("the source %s (%s) is refused", async (source) => {
  expect(await problemOf({ ...attributes, source, integrity: "sha512-AAAA" })).toMatchObject({ path: "source" });
});

test.each(["npm:p@1.0.0/f.onnx", "https://example.org/f.onnx"])("the source %s needs an integrity", async (source) => {
  expect(await problemOf({ ...attributes, source })).toMatchObject({
    path: "source",
    message: expect.stringContaining("integrity"),
  });
});

test("mean and deviation are one number, or one a channel", async () => {
  const input = { ...CARD.input, mean: [1, 2] };
  expect(await problemOf({ ...attributes, input })).toMatchObject({ path: "input.mean" });
  expect(await problemOf({ ...attributes, input: { ...input, color: "gray" } })).toMatchObject({ path: "input.mean" });
});

test("a folder that is not there is a coded error, and an empty one is an empty catalog", async () => {
  expect(await thrownBy(ModelCatalog.load(join(folder.root, "nowhere")))).toMatchObject({ code: "card_invalid" });
  expect((await folder.catalog()).list()).toEqual([]);
});

test("the shipped cards are valid, and pin their source", async () => {
  const catalog = await ModelCatalog.load(resolve(import.meta.dir, "../../models"));
  const aliases = catalog.list().flatMap((card) => card.aliases ?? []);
  expect(aliases).toContainEqual("detector-default");
  for (const task of ["detector", "landmarks", "descriptor", "liveness", "pose", "eyes", "attributes", "emotion"]) {
    expect(aliases).toContain(`${task}-default`);
  }
  for (const card of catalog.list()) {
    expect(card.integrity).toStartWith("sha512-");
    expect(catalog.source(card.name).kind).toBe("npm");
  }
});
