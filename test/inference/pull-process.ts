/** A process of its own that pulls all models: `bun pull-process.ts <cards> <cache>`. Prints `ok` or the error's code. */
import { FacewireError } from "../../src/errors.ts";
import { ModelCatalog } from "../../src/inference/catalog.ts";
import { pullModels } from "../../src/inference/store.ts";

const [cards, cache] = process.argv.slice(2) as [string, string];
try {
  await pullModels(await ModelCatalog.load(cards), cache);
  console.log("ok");
} catch (error) {
  console.log(error instanceof FacewireError ? error.code : String(error));
}
