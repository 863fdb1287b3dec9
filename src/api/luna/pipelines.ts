/** The pipelines that pictures go through, and whose fault it is when they cannot be run. */
import { FacewireError } from "../../errors.ts";
import type { Engine } from "../../pipeline/results.ts";

/** For pictures, and for pictures that are warps. */
const EXTRACT = "luna-extract";
const WARP = "luna-warp";

/** What of a request is not its sender's fault, but that of whoever changed the pipelines. */
const BAD_SETUP: readonly string[] = ["pipeline_unknown", "request_invalid"];

/** The name of the pipeline for a picture or for a warp. */
export function pipelineFor(warped: boolean): string {
  return warped ? WARP : EXTRACT;
}

/** Throws what running the pipeline would be refused with now, so that no body is read in vain. */
export function admitPicture(engine: Engine, pipeline: string): void {
  try {
    engine.admit(pipeline);
  } catch (error) {
    throw setupFault(error, pipeline);
  }
}

/** `pipeline_unavailable` where the engine does not know the pipeline or what is asked of it; other failures as they are. */
export function setupFault(cause: unknown, pipeline: string): unknown {
  if (!(cause instanceof FacewireError) || !BAD_SETUP.includes(cause.code)) return cause;
  const message = `The pipeline ${pipeline} is missing, or does not have the parameters of the one that is shipped.`;
  return new FacewireError("pipeline_unavailable", message, { cause });
}
