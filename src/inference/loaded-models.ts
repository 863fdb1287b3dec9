/** The models a worker holds: each loaded once however many stages use it, and freed when none does. */
import { FacewireError } from "../errors.ts";
import type { ModelCard } from "./card.ts";
import type { Model } from "./model.ts";
import type { ModelScript } from "./scripted/script.ts";
import { ScriptedModel } from "./scripted/scripted-model.ts";
import type { LoadedModel } from "./session.ts";

/** See the file's head. */
export class LoadedModels {
  readonly #cards = new Map<string, ModelCard>();
  readonly #files: Readonly<Record<string, string>>;
  readonly #scripts: Readonly<Record<string, ModelScript>>;
  readonly #loaded = new Map<string, Promise<LoadedModel>>();

  /** @param files prepared model files by card name; @param scripts stand-ins by card name, for tests. */
  constructor(
    cards: readonly ModelCard[],
    files: Readonly<Record<string, string>>,
    scripts: Readonly<Record<string, ModelScript>> = {},
  ) {
    this.#files = files;
    this.#scripts = scripts;
    for (const card of cards) {
      for (const name of [card.name, ...(card.aliases ?? [])]) this.#cards.set(name, card);
    }
  }

  /** The model of this name or alias. Rejects with `model_unknown`, `model_unavailable` or `model_damaged`. */
  get(nameOrAlias: string): Promise<Model> {
    const card = this.#cards.get(nameOrAlias);
    if (!card) return Promise.reject(new FacewireError("model_unknown", `No model is called ${nameOrAlias}.`));
    const known = this.#loaded.get(card.name);
    if (known) return known;
    const loading = this.#load(card);
    this.#loaded.set(card.name, loading);
    // A model that failed to load may be mended on disk: the next one who asks tries again.
    loading.catch(() => {
      if (this.#loaded.get(card.name) === loading) this.#loaded.delete(card.name);
    });
    return loading;
  }

  /** Frees every model that is not named. None of them may be running. */
  async keepOnly(names: ReadonlySet<string>): Promise<void> {
    const unused = [...this.#loaded].filter(([name]) => !names.has(name));
    // All leave at once: whoever asks for one while the others are being freed must get it loaded anew.
    for (const [name] of unused) this.#loaded.delete(name);
    for (const [, loading] of unused) {
      const model = await loading.catch(() => undefined);
      await model?.release();
    }
  }

  async #load(card: ModelCard): Promise<LoadedModel> {
    const script = this.#scripts[card.name];
    if (script?.unavailable !== undefined) throw new FacewireError("model_unavailable", script.unavailable);
    if (script) return new ScriptedModel(card, script);
    // The runtime's library takes 50 ms to open: a worker whose models are all scripted never does.
    const { loadModel } = await import("./session.ts");
    return loadModel(card, this.#files[card.name] ?? "");
  }
}
