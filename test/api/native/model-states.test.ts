import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile, mkdtemp, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { modelStates } from "../../../src/api/native/model-states.ts";
import { ModelCatalog } from "../../../src/inference/catalog.ts";
import { MODELS_CACHE } from "../../support/engine.ts";

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), "facewire-states-"));
});
afterAll(() => rm(cache, { recursive: true, force: true }));

test("a model's state follows its file: missing, there, and damaged later on", async () => {
  const catalog = await ModelCatalog.load(resolve(import.meta.dir, "../../../models"));
  const { name } = catalog.get("eyes-default");
  const file = catalog.preparedFile(name, cache);
  const list = modelStates(catalog, cache);
  const state = async () => (await list()).find(({ card }) => card.name === name)?.state;
  expect(await state()).toBe("missing");
  await copyFile(catalog.preparedFile(name, MODELS_CACHE), file);
  expect(await state()).toBe("ok");
  await truncate(file, 1000);
  expect(await state()).toBe("damaged");
});
