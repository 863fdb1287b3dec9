import { expect, test } from "bun:test";
import { join } from "node:path";
import { ModelCatalog } from "../../src/inference/catalog.ts";
import { LoadedModels } from "../../src/inference/loaded-models.ts";
import { MODELS_CACHE } from "../support/engine.ts";
import { openPicture } from "../support/stages.ts";

test("a model that is asked for while unused ones are freed can be run", async () => {
  const catalog = await ModelCatalog.load(join(import.meta.dir, "../../models"));
  const files = catalog.list().map((card) => [card.name, catalog.preparedFile(card.name, MODELS_CACHE)]);
  const models = new LoadedModels(catalog.list(), Object.fromEntries(files));
  const [first, second] = ["emotion", "landmarks"].map(
    (task) => catalog.list().find((card) => card.task === task)?.name,
  );
  const loading = [models.get(first ?? ""), models.get(second ?? "")];
  const freed = models.keepOnly(new Set());
  const again = await models.get(second ?? "");
  await Promise.all([...loading, freed]);
  using picture = await opened();
  const box = { x: 100, y: 100, width: 100, height: 100 };
  expect(await again.run(picture.picture, [{ box }])).toHaveLength(1);
  await models.keepOnly(new Set());
});

async function opened() {
  const picture = await openPicture("sample1.jpg");
  return { picture, [Symbol.dispose]: () => picture.release() };
}
