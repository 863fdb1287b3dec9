/** The model cards of a folder, by name and alias. */
import { readdir, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { FacewireError } from "../errors.ts";
import { parseYaml } from "../yaml/checked-yaml.ts";
import { nearest } from "../yaml/nearest.ts";
import { invalid, type Problem } from "../yaml/problem.ts";
import { ModelCard } from "./card.ts";
import { cardMistakes } from "./card-check.ts";
import { type ModelSource, parseSource } from "./sources/source.ts";

interface Entry {
  readonly card: ModelCard;
  /** Absolute path of the card. */
  readonly file: string;
}

/** All known models. Immutable: load anew to see changed cards. */
export class ModelCatalog {
  readonly #entries: readonly Entry[];
  /** By name and by alias. */
  readonly #byName = new Map<string, Entry>();

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries;
    for (const entry of entries) {
      for (const name of namesOf(entry.card)) this.#byName.set(name, entry);
    }
  }

  /**
   * Reads every `*.yaml` of the folder. Throws `card_invalid` with the problems of all cards: each names file, line, key,
   * what is allowed and the nearest right word. A folder that is not there is an error too.
   */
  static async load(directory: string): Promise<ModelCatalog> {
    const entries: Entry[] = [];
    const problems: Problem[] = [];
    const taken: TakenMarks = { names: new Map(), sdkVersions: new Map() };
    for (const name of await cardFiles(directory)) {
      const file = resolve(directory, name);
      try {
        entries.push({ card: await readCard(file, taken), file });
      } catch (error) {
        problems.push(...problemsOf(error));
      }
    }
    if (problems.length > 0) throw invalid("card_invalid", problems);
    return new ModelCatalog(entries);
  }

  /** The card of a name or alias. Throws `model_unknown` with the nearest name in its details. */
  get(nameOrAlias: string): ModelCard {
    return this.#entry(nameOrAlias).card;
  }

  /** The card of a name or alias, or undefined. */
  find(nameOrAlias: string): ModelCard | undefined {
    return this.#byName.get(nameOrAlias)?.card;
  }

  /** All cards, by name. */
  list(): readonly ModelCard[] {
    return this.#entries.map(({ card }) => card);
  }

  /** Where the model comes from. Throws `model_unknown`. */
  source(nameOrAlias: string): ModelSource {
    const { card, file } = this.#entry(nameOrAlias);
    const source = parseSource(card.source, file);
    if (source) return source;
    throw new FacewireError("card_invalid", `The source of model ${card.name} has no known form.`);
  }

  /**
   * Where the model's prepared file lies in a cache folder. Its name holds the start of the sha256, so a changed card
   * gets a new file and running servers keep theirs. Throws `model_unknown`.
   */
  preparedFile(nameOrAlias: string, cacheDir: string): string {
    const { name, sha256 } = this.get(nameOrAlias);
    return join(cacheDir, `${name}.${sha256.slice(0, 12)}.onnx`);
  }

  #entry(nameOrAlias: string): Entry {
    const entry = this.#byName.get(nameOrAlias);
    if (entry) return entry;
    const known = [...this.#byName.keys()].sort();
    const near = nearest(nameOrAlias, known);
    throw new FacewireError(
      "model_unknown",
      `No model card or alias has the name "${nameOrAlias}".${near === undefined ? "" : ` Did you mean "${near}"?`}`,
      { details: { name: nameOrAlias, known, ...(near === undefined ? {} : { nearest: near }) } },
    );
  }
}

async function cardFiles(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => name.endsWith(".yaml")).sort();
  } catch (cause) {
    throw new FacewireError("card_invalid", "The folder of model cards could not be read.", { cause });
  }
}

async function cardText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new FacewireError("card_invalid", `The model card ${basename(file)} could not be read.`, { cause });
  }
}

/** What no two cards may share, with the file of the card that has it. */
interface TakenMarks {
  readonly names: Map<string, string>;
  readonly sdkVersions: Map<number, string>;
}

async function readCard(file: string, taken: TakenMarks): Promise<ModelCard> {
  const shownFile = basename(file);
  const document = parseYaml(await cardText(file), {
    file: shownFile,
    schema: ModelCard,
    code: "card_invalid",
  });
  const card = document.value;
  const problems = cardMistakes(card, file).map(({ path, message, ...extra }) => {
    const near = extra.found === undefined ? undefined : nearest(extra.found, extra.allowed ?? []);
    return document.problem(path, message, near === undefined ? extra : { ...extra, nearest: near });
  });
  namesOf(card).forEach((name, i) => {
    const owner = taken.names.get(name);
    taken.names.set(name, shownFile);
    if (owner === undefined) return;
    const path = i === 0 ? ["name"] : ["aliases", i - 1];
    problems.push(document.problem(path, `the name is taken by ${owner}`, { found: name }));
  });
  const { sdk_version } = card;
  if (sdk_version !== undefined) {
    const owner = taken.sdkVersions.get(sdk_version);
    taken.sdkVersions.set(sdk_version, shownFile);
    if (owner !== undefined) {
      const found = String(sdk_version);
      problems.push(document.problem(["sdk_version"], `the number is taken by ${owner}`, { found }));
    }
  }
  if (problems.length > 0) throw invalid("card_invalid", problems);
  return card;
}

function namesOf(card: ModelCard): string[] {
  return [card.name, ...(card.aliases ?? [])];
}

/** The problems inside a `card_invalid` error; anything else is thrown on. */
function problemsOf(error: unknown): readonly Problem[] {
  const problems = error instanceof FacewireError ? error.details?.problems : undefined;
  if (!Array.isArray(problems)) throw error;
  return problems as readonly Problem[];
}
