/** A folder of cards with networks beside them, as a user would make it. */
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { ModelCatalog } from "../../src/inference/catalog.ts";
import type { OnnxFile } from "../../src/inference/prepare/onnx-file.ts";
import { type LoadedModel, loadModel } from "../../src/inference/session.ts";
import { pullModels } from "../../src/inference/store.ts";
import { fileOf } from "./networks.ts";

/** What a card says that most tests do not care about: a model of 8 x 8 RGB crops. */
export const CARD = {
  name: "own",
  version: "1",
  description: "A model of a user.",
  source: "file:own.onnx",
  prepare: [] as string[],
  sha256: "0".repeat(64),
  input: { tensor: "input", width: 8, height: 8, color: "rgb", mean: [0], std: [255] },
  crop: { rule: "square", border: "edge" } as object,
  license: "own",
  provenance: "made in a test",
  accuracy: [] as string[],
};

/** A temporary folder with `models` and `cache` inside; gone when disposed. */
export class ModelFolder implements AsyncDisposable {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async create(): Promise<ModelFolder> {
    const folder = new ModelFolder(await mkdtemp(join(tmpdir(), "facewire-models-")));
    await mkdir(folder.cards);
    return folder;
  }

  get cards(): string {
    return join(this.root, "models");
  }

  get cache(): string {
    return join(this.root, "cache");
  }

  /** Writes a card: {@link CARD} with the given keys. */
  async card(keys: object): Promise<void> {
    const card = { ...CARD, ...keys };
    await Bun.write(join(this.cards, `${card.name}.yaml`), stringify(card));
  }

  /** Writes a network beside the cards and a card for it. */
  async network(name: string, file: OnnxFile, keys: object): Promise<void> {
    const { bytes, sha256 } = fileOf(file);
    await Bun.write(join(this.cards, `${name}.onnx`), bytes);
    await this.card({ name, source: `file:${name}.onnx`, sha256, ...keys });
  }

  catalog(): Promise<ModelCatalog> {
    return ModelCatalog.load(this.cards);
  }

  /** Pulls and loads one model; the caller releases it. */
  async load(name: string): Promise<LoadedModel> {
    const catalog = await this.catalog();
    await pullModels(catalog, this.cache, { only: [name] });
    return loadModel(catalog.get(name), catalog.preparedFile(name, this.cache));
  }

  /** Names of all files in the cache, downloads included. */
  async cached(): Promise<string[]> {
    return (await readdir(this.cache, { recursive: true, withFileTypes: true }).catch(() => []))
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)
      .sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}
