/** `model_missing: fail`: pipelines that run without a model which only some requests need. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { ModelCatalog } from "../../src/inference/catalog.ts";
import { pullModels } from "../../src/inference/store.ts";
import type { FaceJson } from "../../src/pipeline/results.ts";
import { ModelFolder } from "../inference/model-folder.ts";
import { linearNetwork } from "../inference/networks.ts";
import { PROJECT_ROOT } from "../support/cli.ts";
import { copyOfModels, MODELS_CACHE, samplePicture, type TestEngine, testEngine } from "../support/engine.ts";

const LABELS = ["african_american", "asian", "caucasian", "indian"];
const ALIAS = "ethnicity-default";
const LUNA = ["luna-extract", "luna-warp"];

/** The shipped pipelines without the two lines that the engine's test writes itself. */
async function shipped(): Promise<Record<string, string>> {
  const texts = LUNA.map(async (name) => {
    const text = await Bun.file(join(PROJECT_ROOT, `pipelines/${name}.yaml`)).text();
    return [name, text.replace(/^name: .*\n/m, "").replace(/^description: .*\n/m, "")] as const;
  });
  return Object.fromEntries(await Promise.all(texts));
}

/** The project's cards, and a user's own of the alias: a network that names the second label for what is green. */
async function withOwnCard(outputs: object): Promise<ModelFolder> {
  const folder = await ModelFolder.create();
  await cp(join(PROJECT_ROOT, "models"), folder.cards, { recursive: true });
  await cp(MODELS_CACHE, folder.cache, { recursive: true, filter: (path) => !path.includes("downloads") });
  const weights = [
    [0, 0, 0],
    [0, 9, 0],
    [0, 0, 0],
    [0, 0, 0],
  ];
  await folder.network("own-ethnicity", linearNetwork(3, 8, weights), {
    task: "attributes",
    aliases: [ALIAS],
    outputs,
  });
  return folder;
}

const SOFTMAX = { ethnicity: { decode: "softmax", tensor: "output", labels: LABELS } };
const sample = await samplePicture("sample1.jpg");
const files = [{ name: "group.jpg", bytes: sample }];

describe("without a card", () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await testEngine({
      ...(await shipped()),
      strict: `stages:\n  - detect: {}\n  - attributes: { model: ${ALIAS} }\n`,
      refused: `stages:\n  - detect: {}\n  - attributes: { model: ${ALIAS} }\n    model_missing: refuse\n`,
      some: `stages:\n  - detect: {}\n  - attributes: { model: ${ALIAS} }\n    model_missing: fail\n    when: face.score > 0.9999\n`,
      misspelt: `stages:\n  - detect: {}\n  - attributes: { model: ${ALIAS} }\n    model_missing: fails\n`,
      modelless: "stages:\n  - detect: {}\n  - crop: {}\n    model_missing: fail\n",
    });
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  test("the pipelines of LUNA run, and their plan says what they lack", async () => {
    for (const name of LUNA) {
      const detail = engine.engine.pipeline(name);
      expect(detail.status).toBe("ok");
      const lacking = detail.plan.nodes.filter((node) => node.missing_models);
      expect(lacking.map((node) => [node.model_missing, node.missing_models])).toEqual([["fail", [ALIAS]]]);
    }
    const { items } = await engine.run("luna-extract", { files });
    expect(items[0]).toMatchObject({ status: "ok" });
  });

  test("a picture that needs it fails with the model's name, in the message and the details", async () => {
    const { items } = await engine.run("luna-extract", { files, parameters: { ethnicities: true } });
    expect(items[0]).toMatchObject({
      status: "failed",
      error: { code: "model_unavailable", details: { model: ALIAS, stage: "12. attributes (ethnicities)" } },
    });
    expect(items[0]!.error!.message).toContain(ALIAS);
    expect(engine.letters).toEqual([]);
  });

  test("a picture of which `when` lets no face through does not fail", async () => {
    expect((await engine.run("some", { files })).items[0]!.status).toBe("ok");
    const turnedAway = { ethnicities: true, score_threshold: 1 };
    expect((await engine.run("luna-extract", { files, parameters: turnedAway })).items[0]!.status).toBe("rejected");
  });

  test("it is refused where nothing is said, where that is said, and where the word means nothing", () => {
    const problem = (name: string) => {
      const { status, error } = engine.engine.pipelines().find((each) => each.name === name)!;
      expect(status).toBe("unavailable");
      return (error!.details!.problems as { message: string; nearest?: string }[])[0]!;
    };
    for (const name of ["strict", "refused"]) expect(problem(name).message).toContain("has no card");
    expect(problem("misspelt")).toMatchObject({ nearest: "fail" });
    expect(problem("modelless").message).toContain("has no model");
  });
});

test("with a user's own card and network of the alias, ethnicities are read", async () => {
  await using folder = await withOwnCard(SOFTMAX);
  const models = await folder.catalog();
  await pullModels(models, folder.cache, { only: ["own-ethnicity"] });
  await using engine = await testEngine(await shipped(), { models, modelsCache: folder.cache });
  const { items } = await engine.run("luna-extract", { files, parameters: { ethnicities: true, attributes: true } });
  expect(items[0]!.faces).toHaveLength(3);
  for (const { attributes } of items[0]!.faces) {
    const ethnicity = attributes!.ethnicity as Extract<NonNullable<FaceJson["emotion"]>, object>;
    expect(ethnicity.label).toBe("asian");
    expect(Object.keys(ethnicity.probabilities)).toEqual(LABELS);
    expect(Object.values(ethnicity.probabilities).reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 5);
    expect(attributes!.age).toBeDefined();
  }
});

test("a card whose file is not there fails the pictures that need it, until the file comes", async () => {
  await using folder = await withOwnCard(SOFTMAX);
  const models = await folder.catalog();
  await using engine = await testEngine(await shipped(), { models, modelsCache: folder.cache });
  const wanted = { files, parameters: { ethnicities: true } };
  expect((await engine.run("luna-extract", { files })).items[0]!.status).toBe("ok");
  expect((await engine.run("luna-extract", wanted)).items[0]!.error).toMatchObject({
    code: "model_unavailable",
    details: { model: ALIAS },
  });
  await pullModels(models, folder.cache, { only: ["own-ethnicity"] });
  expect((await engine.run("luna-extract", wanted)).items[0]!.faces[0]!.attributes!.ethnicity).toBeDefined();
});

test("a card that lacks the output is refused when the pipeline is checked, whatever may be missing", async () => {
  await using folder = await withOwnCard({ race: SOFTMAX.ethnicity });
  await using engine = await testEngine(await shipped(), {
    models: await ModelCatalog.load(folder.cards),
    modelsCache: await copyOfModels(),
  });
  const { error } = engine.engine.pipelines().find((each) => each.name === "luna-extract")!;
  expect(error?.message).toContain("needs the output ethnicity");
});
