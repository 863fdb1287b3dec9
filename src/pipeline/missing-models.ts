/** Stages with `model_missing: fail`: they are there without their models, and say so to the items that need them. */
import { FacewireError } from "../errors.ts";
import type { Stage } from "../stages/stage.ts";
import type { PlannedStage } from "./plan.ts";

/**
 * Builds a stage whose models may be missing. Where one has no card, or its file is not there, items fail with
 * `model_unavailable`, which names it; a file that comes later is taken up by the next item that needs it. Rejects with what
 * `create` says of anything else.
 */
export async function stageWithoutModel(planned: PlannedStage, create: () => Promise<Stage>): Promise<Stage> {
  let built = await created(planned, create);
  return {
    async run(item, faces, context) {
      if ("missing" in built) built = await created(planned, create);
      if ("missing" in built) throw built.missing;
      await built.stage.run(item, faces, context);
    },
  };
}

type Built = { readonly stage: Stage } | { readonly missing: FacewireError };

async function created(planned: PlannedStage, create: () => Promise<Stage>): Promise<Built> {
  const { id, missingModels = [] } = planned;
  const [uncarded] = missingModels;
  if (uncarded !== undefined) return { missing: missing(id, uncarded) };
  try {
    return { stage: await create() };
  } catch (thrown) {
    if (!(thrown instanceof FacewireError) || thrown.code !== "model_unavailable") throw thrown;
    return { missing: missing(id, planned.models[0] ?? "", thrown) };
  }
}

/** Its model's name is in the message: whoever reads only that must know what to bring. */
function missing(stage: string, model: string, cause?: FacewireError): FacewireError {
  const why = cause ? cause.message : "It has no model card.";
  return new FacewireError("model_unavailable", `Stage ${stage} needs the model ${model}, which is not there. ${why}`, {
    details: { stage, model },
    cause,
  });
}
