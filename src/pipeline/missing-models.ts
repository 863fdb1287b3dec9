/** Stages with `model_missing: fail`: they are there without their models, and say so to the items that need them. */
import { FacewireError } from "../errors.ts";
import type { Stage, StageKind } from "../stages/stage.ts";
import type { PlannedStage } from "./plan.ts";

/**
 * Builds a stage whose models may be missing. Where one has no card, or its file is not there, items fail with
 * `model_unavailable`, which names it; a file that comes later is taken up by the next item that needs it. Rejects with what
 * `create` says of anything else.
 */
export async function stageWithoutModel(
  planned: PlannedStage,
  kind: Pick<StageKind, "models">,
  create: () => Promise<Stage>,
): Promise<Stage> {
  // As the pipeline names it, which is an alias mostly: what it stands for, the cards say.
  const named = kind.models(planned.options as never)[0]?.name ?? "";
  let built = await created(planned, named, create);
  return {
    async run(item, faces, context) {
      if ("missing" in built) built = await created(planned, named, create);
      if ("missing" in built) throw built.missing;
      await built.stage.run(item, faces, context);
    },
  };
}

type Built = { readonly stage: Stage } | { readonly missing: FacewireError };

async function created(
  { id, missingModels = [] }: PlannedStage,
  named: string,
  create: () => Promise<Stage>,
): Promise<Built> {
  const [uncarded] = missingModels;
  if (uncarded !== undefined) return { missing: missing(id, uncarded) };
  try {
    return { stage: await create() };
  } catch (thrown) {
    if (!(thrown instanceof FacewireError) || thrown.code !== "model_unavailable") throw thrown;
    return { missing: missing(id, named, thrown) };
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
