import { afterEach, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeOnnx } from "../../src/inference/prepare/onnx-file.ts";
import { loadModel } from "../../src/inference/session.ts";
import { type PullProgress, pullModels, verifyModels } from "../../src/inference/store.ts";
import { pictureFromRgb } from "../../src/media/raster.ts";
import { thrownBy } from "../support/thrown.ts";
import { ModelFolder } from "./model-folder.ts";
import { fileOf, linearNetwork } from "./networks.ts";
import { serveRegistry } from "./npm-registry.ts";
import { writeGraphModel } from "./prepare/tfjs-graph.ts";

const network = linearNetwork(3, 8, [[1, 2, 3]]);
const { bytes, sha256 } = fileOf(network);
const attribute = {
  task: "attributes",
  outputs: { mean: { decode: "value", tensor: "output" } },
};
const PACKAGE = "@facewire-test/weights";
const ELSEWHERE = "http://127.0.0.1:1/";

let folder: ModelFolder;
const registryBefore = process.env.NPM_CONFIG_REGISTRY;

beforeEach(async () => {
  folder = await ModelFolder.create();
});

afterEach(async () => {
  await folder[Symbol.asyncDispose]();
  if (registryBefore === undefined) delete process.env.NPM_CONFIG_REGISTRY;
  else process.env.NPM_CONFIG_REGISTRY = registryBefore;
});

/** Pulls in a process of its own and gives what it prints. */
async function pullElsewhere(): Promise<string> {
  const script = join(import.meta.dir, "pull-process.ts");
  const child = Bun.spawn([process.execPath, script, folder.cards, folder.cache], { env: { ...process.env } });
  const [output] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  return output.trim();
}

/** What a card must say whose sha256 is wrong, as a user finds it out. */
async function sha256TheErrorTells(): Promise<string> {
  const thrown = await thrownBy(pullModels(await folder.catalog(), folder.cache));
  return (thrown as { details: { actual: string } }).details.actual;
}

test("cards of one package share one download, from the registry the user has configured", async () => {
  using registry = await serveRegistry(PACKAGE, { "a.onnx": bytes, "models/b.onnx": bytes, "README.md": bytes });
  process.env.NPM_CONFIG_REGISTRY = registry.url;
  const { integrity } = registry;
  await folder.card({ ...attribute, name: "a", source: `npm:${PACKAGE}@1.0.0/a.onnx`, integrity, sha256 });
  await folder.card({ ...attribute, name: "b", source: `npm:${PACKAGE}@1.0.0/models/b.onnx`, integrity, sha256 });
  const catalog = await folder.catalog();
  const progress: PullProgress[] = [];

  await pullModels(catalog, folder.cache, { onProgress: (step) => progress.push(step) });

  expect(registry.downloads()).toBe(1);
  expect((await verifyModels(catalog, folder.cache)).map(({ state }) => state)).toEqual(["ok", "ok"]);
  expect(await readFile(catalog.preparedFile("b", folder.cache))).toEqual(Buffer.from(bytes));
  const steps = (model: string) => progress.filter((step) => step.model === model).map(({ step }) => step);
  expect([...new Set(steps("a"))]).toEqual(["check", "download", "prepare", "ready"]);
  expect(steps("b")).toEqual(["check", "prepare", "ready"]);
});

test("a second pull finds everything there and asks nobody", async () => {
  using registry = await serveRegistry(PACKAGE, { "a.onnx": bytes });
  process.env.NPM_CONFIG_REGISTRY = registry.url;
  const { integrity } = registry;
  await folder.card({ ...attribute, source: `npm:${PACKAGE}@1.0.0/a.onnx`, integrity, sha256 });
  const catalog = await folder.catalog();
  await pullModels(catalog, folder.cache);

  process.env.NPM_CONFIG_REGISTRY = ELSEWHERE;
  const progress: PullProgress[] = [];
  await pullModels(catalog, folder.cache, { onProgress: (step) => progress.push(step) });
  expect(progress).toEqual([
    { model: "own", step: "check" },
    { model: "own", step: "ready", present: true },
  ]);
});

test("a TensorFlow.js model is converted with the weights beside it in the package", async () => {
  const { json, weights } = writeGraphModel({
    input: [8, 8, 3],
    constants: { c: { shape: [3, 1], values: [1, 2, 3] }, axes: { shape: [2], values: [1, 2], dtype: "int32" } },
    nodes: [
      { name: "mean", op: "Mean", input: ["x", "axes"] },
      { name: "y", op: "MatMul", input: ["mean", "c"] },
    ],
  });
  using registry = await serveRegistry(PACKAGE, { "models/net.json": json, "models/weights.bin": weights });
  process.env.NPM_CONFIG_REGISTRY = registry.url;
  const card = {
    task: "attributes",
    source: `npm:${PACKAGE}@1.0.0/models/net.json`,
    integrity: registry.integrity,
    prepare: ["tfjs-to-onnx"],
    input: { tensor: "x", width: 8, height: 8, color: "rgb", mean: [0], std: [1] },
    outputs: { weighted: { decode: "value", tensor: "y:0" } },
  };
  await folder.card(card);
  await folder.card({ ...card, sha256: await sha256TheErrorTells() });

  const model = await folder.load("own");
  const picture = pictureFromRgb(
    Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => [10, 20, 30][i % 3]!),
    8,
    8,
  );
  const [outputs] = await model.run(picture, [{ box: { x: 0, y: 0, width: 8, height: 8 } }]);
  expect(outputs).toEqual({ weighted: { kind: "number", value: 10 + 2 * 20 + 3 * 30 } });
  await model.release();
  picture.release();
});

test("a package that is not the one the card was written for is refused, and nothing of it stays", async () => {
  using registry = await serveRegistry(PACKAGE, { "a.onnx": bytes });
  process.env.NPM_CONFIG_REGISTRY = registry.url;
  const integrity = `sha512-${createHash("sha512").update("the real one").digest("base64")}`;
  await folder.card({ ...attribute, source: `npm:${PACKAGE}@1.0.0/a.onnx`, integrity, sha256 });

  const thrown = await thrownBy(pullModels(await folder.catalog(), folder.cache));
  expect(thrown).toMatchObject({
    code: "model_source_failed",
    details: { expected: integrity, actual: registry.integrity },
  });
  expect(await folder.cached()).toEqual([]);
});

test("a download that was damaged on the disk is brought again", async () => {
  using registry = await serveRegistry(PACKAGE, { "a.onnx": bytes, "b.onnx": bytes });
  process.env.NPM_CONFIG_REGISTRY = registry.url;
  const { integrity } = registry;
  await folder.card({ ...attribute, name: "a", source: `npm:${PACKAGE}@1.0.0/a.onnx`, integrity, sha256 });
  await folder.card({ ...attribute, name: "b", source: `npm:${PACKAGE}@1.0.0/b.onnx`, integrity, sha256 });
  const catalog = await folder.catalog();
  await pullModels(catalog, folder.cache, { only: ["a"] });
  const downloads = join(folder.cache, "downloads");
  for (const name of await readdir(downloads)) await writeFile(join(downloads, name), "half a tarb");

  await pullModels(catalog, folder.cache, { only: ["b"] });
  expect(registry.downloads()).toBe(2);
});

test("a package without the card's file is refused by the file's name", async () => {
  using registry = await serveRegistry(PACKAGE, { "a.onnx": bytes });
  process.env.NPM_CONFIG_REGISTRY = registry.url;
  await folder.card({ ...attribute, source: `npm:${PACKAGE}@1.0.0/c.onnx`, integrity: registry.integrity, sha256 });

  expect(await thrownBy(pullModels(await folder.catalog(), folder.cache))).toMatchObject({
    code: "model_source_failed",
    message: expect.stringContaining("c.onnx"),
  });
});

test("a version the registry does not have is a coded error", async () => {
  using registry = await serveRegistry(PACKAGE, { "a.onnx": bytes });
  process.env.NPM_CONFIG_REGISTRY = registry.url;
  await folder.card({ ...attribute, source: `npm:${PACKAGE}@2.0.0/a.onnx`, integrity: registry.integrity, sha256 });
  expect(await thrownBy(pullModels(await folder.catalog(), folder.cache))).toMatchObject({
    code: "model_source_failed",
  });
});

test("two processes that pull at once both end well, and one whole file is there", async () => {
  using registry = await serveRegistry(PACKAGE, { "a.onnx": bytes });
  process.env.NPM_CONFIG_REGISTRY = registry.url;
  const { integrity } = registry;
  await folder.card({ ...attribute, source: `npm:${PACKAGE}@1.0.0/a.onnx`, integrity, sha256 });

  expect(await Promise.all([pullElsewhere(), pullElsewhere()])).toEqual(["ok", "ok"]);
  const catalog = await folder.catalog();
  expect((await verifyModels(catalog, folder.cache)).map(({ state }) => state)).toEqual(["ok"]);
  expect((await folder.cached()).filter((name) => name.endsWith(".part"))).toEqual([]);
});

test("a prepared file that was damaged is found, never loaded, and mended by a pull", async () => {
  await folder.network("own", network, attribute);
  const catalog = await folder.catalog();
  const file = catalog.preparedFile("own", folder.cache);
  const state = async () => (await verifyModels(catalog, folder.cache))[0]!.state;

  expect(await state()).toBe("missing");
  await pullModels(catalog, folder.cache);
  expect(await state()).toBe("ok");

  const damaged = await readFile(file);
  damaged[damaged.length - 20]! ^= 1;
  await writeFile(file, damaged);
  expect(await state()).toBe("damaged");
  expect(await thrownBy(loadModel(catalog.get("own"), file))).toMatchObject({ code: "model_damaged" });

  await pullModels(catalog, folder.cache);
  expect(await state()).toBe("ok");
});

test("a prepared file of another sha256 than the card's is not kept, and the error tells the right one", async () => {
  await folder.network("own", network, { ...attribute, sha256: "a".repeat(64) });
  const thrown = await thrownBy(pullModels(await folder.catalog(), folder.cache));
  expect(thrown).toMatchObject({
    code: "model_source_failed",
    message: expect.stringContaining(sha256),
    details: { model: "own", expected: "a".repeat(64), actual: sha256 },
  });
  expect(await folder.cached()).toEqual([]);
});

test("a file beside the card is held to its integrity too", async () => {
  const integrity = `sha512-${createHash("sha512").update("another").digest("base64")}`;
  await folder.network("own", network, { ...attribute, integrity });
  expect(await thrownBy(pullModels(await folder.catalog(), folder.cache))).toMatchObject({
    code: "model_source_failed",
  });
});

test("a file that is not beside the card is a coded error without its path", async () => {
  await folder.card({ ...attribute, source: "file:nowhere.onnx" });
  const thrown = await thrownBy(pullModels(await folder.catalog(), folder.cache));
  expect(thrown).toMatchObject({ code: "model_source_failed" });
  expect((thrown as Error).message).not.toContain(folder.root);
});

test("only the models that are asked for are pulled, by name or alias", async () => {
  await folder.network("one", network, attribute);
  await folder.network("two", linearNetwork(3, 8, [[4, 5, 6]]), { ...attribute, aliases: ["second"] });
  const catalog = await folder.catalog();

  await pullModels(catalog, folder.cache, { only: ["second", "two"] });
  const states = await verifyModels(catalog, folder.cache);
  expect(states.map(({ card, state }) => [card.name, state])).toEqual([
    ["one", "missing"],
    ["two", "ok"],
  ]);
  expect(await thrownBy(pullModels(catalog, folder.cache, { only: ["twoo"] }))).toMatchObject({
    code: "model_unknown",
    details: { nearest: "two" },
  });
});

test("what the steps make of a source is the same in every process", async () => {
  const fixed = writeOnnx(linearNetwork(3, 8, [[1e-30, 2, 3]]));
  await Bun.write(join(folder.cards, "own.onnx"), fixed);
  await folder.card({ ...attribute, prepare: ["dynamic-batch", "flush-denormals"] });
  await folder.card({
    ...attribute,
    prepare: ["dynamic-batch", "flush-denormals"],
    sha256: await sha256TheErrorTells(),
  });
  expect(await pullElsewhere()).toBe("ok");
});
