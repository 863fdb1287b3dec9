/** The pipelines of the settings, read and checked without starting an engine. */
import { poolSettings } from "../app/inference.ts";
import { ModelCatalog } from "../inference/catalog.ts";
import { PipelineFolder } from "../pipeline/catalog.ts";
import type { Settings } from "../settings/schema.ts";
import { StageRegistry } from "../stages/registry.ts";

/** Rejects when model cards or a user's own stage files are not valid. */
export async function openPipelineFolder(settings: Settings): Promise<PipelineFolder> {
  return new PipelineFolder(settings.pipelines_dir, {
    stages: await StageRegistry.load(settings.stages.extra),
    models: await ModelCatalog.load(settings.models_dir),
    pools: poolSettings(settings),
  });
}
