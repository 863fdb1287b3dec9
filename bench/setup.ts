/** What every measurement starts from: model cards and files, the shipped pipelines, limits. */
import { join, resolve } from "node:path";
import { ModelCatalog } from "../src/inference/catalog.ts";
import { verifyModels } from "../src/inference/store.ts";
import { PipelineFolder } from "../src/pipeline/catalog.ts";
import type { Plan } from "../src/pipeline/plan.ts";
import { loadSettings } from "../src/settings/load.ts";
import type { Settings } from "../src/settings/schema.ts";
import { StageRegistry } from "../src/stages/registry.ts";

/** The folder of the project. */
export const projectRoot = resolve(import.meta.dirname, "..");

/** The two pipelines that the promises are about, in the order a picture goes through them. */
export const PIPELINES = ["face-liveness", "face-extract"] as const;

/** Everything that is loaded once and handed to the measurements. */
export interface Setup {
  readonly settings: Settings;
  readonly catalog: ModelCatalog;
  /** Prepared model files by card name. */
  readonly modelFiles: Readonly<Record<string, string>>;
  readonly plans: ReadonlyMap<string, Plan>;
}

/** Loads it. Throws when a model's file is missing or a pipeline is not valid: then nothing can be measured. */
export async function loadSetup(): Promise<Setup> {
  const settings = await loadSettings();
  const catalog = await ModelCatalog.load(settings.models_dir);
  const models = await verifyModels(catalog, settings.models_cache);
  const unfit = models.filter(({ state }) => state !== "ok").map(({ card }) => card.name);
  if (unfit.length > 0)
    throw new Error(`models are missing: ${unfit.join(", ")}; bring them with facewire models pull`);
  const stages = await StageRegistry.load([]);
  const pools = { default: { slots: 1, queue: 0 } };
  const folders = [settings.pipelines_dir, join(projectRoot, "bench/pipelines")];
  const plans = new Map<string, Plan>();
  for (const folder of folders) {
    for (const { planned, error } of await new PipelineFolder(folder, { stages, models: catalog, pools }).read()) {
      if (error) throw error;
      if (planned) plans.set(planned.plan.name, planned.plan);
    }
  }
  return {
    settings,
    catalog,
    modelFiles: Object.fromEntries(models.map(({ card, file }) => [card.name, file])),
    plans,
  };
}
