/** Runs stages from their written options over one picture, with the real models of the cache. */
import { join } from "node:path";
import { ModelCatalog } from "../../src/inference/catalog.ts";
import type { Model } from "../../src/inference/model.ts";
import { loadModel } from "../../src/inference/session.ts";
import { decodePicture } from "../../src/media/decode.ts";
import type { PictureLimits } from "../../src/media/limits.ts";
import type { Picture } from "../../src/media/picture.ts";
import type { Face, Item } from "../../src/stages/item.ts";
import { parseStageOptions } from "../../src/stages/options.ts";
import { StageRegistry } from "../../src/stages/registry.ts";
import type { Stage, StageContext, StageEnvironment } from "../../src/stages/stage.ts";

const root = join(import.meta.dir, "../..");
const cacheDir = join(process.env.FACEWIRE_DATA_DIR ?? join(root, ".facewire"), "models");
const limits: PictureLimits = {
  maxBytes: 50_000_000,
  maxPixels: 50_000_000,
  minSide: 16,
  decodeTimeoutMs: 20_000,
  truncated: "refuse",
};

/** Stages as a pipeline file has them: one kind with its options each. */
export type WrittenStages = readonly Readonly<Record<string, object>>[];

/** What came of a picture. */
export interface StageRun {
  readonly faces: readonly Face[];
  /** What the stages explained, in order; `face 1: ` names the face it is about. */
  readonly reasons: readonly string[];
}

const registry = new StageRegistry();
let catalog: Promise<ModelCatalog> | undefined;
const loaded = new Map<string, Promise<Model>>();

/** Models by name or alias, loaded once for all tests of the process. */
export const environment: StageEnvironment = {
  async model(name) {
    catalog ??= ModelCatalog.load(join(root, "models"));
    const models = await catalog;
    const card = models.get(name);
    let model = loaded.get(card.name);
    if (model === undefined) {
      model = loadModel(card, models.preparedFile(card.name, cacheDir));
      loaded.set(card.name, model);
    }
    return model;
  },
};

/** One of the pictures with faces: `sample1.jpg` to `sample6.jpg`. */
export function samplePath(name: string): string {
  return join(root, "node_modules/@vladmandic/face-api/demo", name);
}

/** Decodes a sample by name, or a picture's bytes. The caller releases it. */
export async function openPicture(source: string | Uint8Array): Promise<Picture> {
  const bytes = typeof source === "string" ? await Bun.file(samplePath(source)).bytes() : source;
  return decodePicture(bytes, limits);
}

/** Builds a stage of the real registry from its written options. */
export async function buildStage(kind: string, written: object = {}): Promise<Stage> {
  const found = registry.get(kind);
  return found.create(parseStageOptions(found, written) as never, environment);
}

/** Runs the stages over a sample or a picture's bytes; faces that a gate rejected are passed by, as in a pipeline. */
export async function runStages(source: string | Uint8Array, stages: WrittenStages): Promise<StageRun> {
  const picture = await openPicture(source);
  try {
    return await runStagesOn(picture, stages);
  } finally {
    picture.release();
  }
}

/** The same over a picture that stays open. */
export async function runStagesOn(picture: Picture, stages: WrittenStages): Promise<StageRun> {
  const item: Item = { id: "test", index: 0, name: "test", picture, faces: [] };
  const reasons: string[] = [];
  const context: StageContext = {
    checkpoint() {},
    explain(reason, face) {
      reasons.push(face === undefined ? reason() : `face ${item.faces.indexOf(face) + 1}: ${reason()}`);
    },
  };
  for (const written of stages) {
    for (const [kind, options] of Object.entries(written)) {
      const stage = await buildStage(kind, options);
      await stage.run(
        item,
        item.faces.filter((face) => !face.rejected),
        context,
      );
    }
  }
  return { faces: item.faces, reasons };
}
