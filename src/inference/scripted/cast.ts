/** Which scripts stand in for which models of a catalog. */
import type { ModelCatalog } from "../catalog.ts";
import type { ModelScript } from "./script.ts";
import { ScriptedModel } from "./scripted-model.ts";

/** Stands for every model that has no script of its own. */
const OTHERS = "*";
const NO_FACES: ModelScript = {
  rules: [{ steps: [{ faces: [] }], calls: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT) }],
};

/**
 * Scripts by the names of cards, out of scripts by names and aliases; `*` is for all other models. Beside a detector that
 * has a script of its own, the other detectors that `*` is for find nothing: a stage that asks several of them would else
 * find faces the script knows nothing of. Throws `model_unknown`, and `config_invalid` for a script that does not fit.
 */
export function castScripts(
  models: ModelCatalog,
  scripts: Readonly<Record<string, ModelScript>>,
): Record<string, ModelScript> {
  const { [OTHERS]: others, ...named } = scripts;
  const cast = Object.fromEntries(Object.entries(named).map(([name, script]) => [models.get(name).name, script]));
  const detects = models.list().some(({ name, task }) => task === "detect" && Object.hasOwn(cast, name));
  for (const card of models.list()) {
    if (others) cast[card.name] ??= detects && card.task === "detect" ? NO_FACES : others;
    const script = cast[card.name];
    // Made here only to be checked: a mistake must show when the server starts.
    if (script) new ScriptedModel(card, script);
  }
  return cast;
}
