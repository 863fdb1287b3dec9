/** What a request must be before it is taken, as far as its type cannot say it. */
import { FacewireError } from "../errors.ts";
import { type ParameterValues, parameterValues } from "./parameters.ts";
import type { Plan } from "./plan.ts";
import type { RunRequest } from "./results.ts";

/**
 * Checks a request against the plan it is to run on and returns its deadline in milliseconds from now, never more than the
 * plan's for pictures or, with `videos`, for videos. Throws `request_invalid` or `request_too_many_files`.
 */
export function checkRequest(request: RunRequest, plan: Plan, videos = false): number {
  const { files, priority, deadlineMs } = request;
  if (files.length === 0) throw new FacewireError("request_invalid", "The request holds no picture or video.");
  if (files.length > plan.maxFiles) {
    throw new FacewireError("request_too_many_files", `Pipeline ${plan.name} takes at most ${plan.maxFiles} files.`, {
      details: { files: files.length, limit: plan.maxFiles },
    });
  }
  checkPriority(priority);
  checkParameters(request, plan);
  if (deadlineMs !== undefined && !(deadlineMs > 0)) {
    throw new FacewireError("request_invalid", "The deadline must be longer than nothing.");
  }
  return Math.min(deadlineMs ?? Number.POSITIVE_INFINITY, videos ? plan.videoDeadlineMs : plan.deadlineMs);
}

/** The values of all parameters that a request runs with. Throws `request_invalid`, naming the one that is wrong. */
export function checkParameters({ parameters }: Pick<RunRequest, "parameters">, plan: Plan): ParameterValues {
  return parameterValues(plan.parameters, parameters ?? {}, plan.name);
}

/** Throws `request_invalid` for what is no priority. */
export function checkPriority(priority: number | undefined): void {
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= 9)) {
    throw new FacewireError("request_invalid", "The priority must be a whole number from 0 to 9.");
  }
}

/** Throws `input_not_accepted` when the pipeline does not take this kind of file. */
export function checkAccepted(kind: "image" | "video", name: string, plan: Plan): void {
  if (plan.accepts.includes(kind)) return;
  const noun = kind === "image" ? "pictures" : "videos";
  throw new FacewireError("input_not_accepted", `Pipeline ${plan.name} takes no ${noun}.`, {
    details: { file: name, accepts: plan.accepts },
  });
}

/** The error for what is neither a picture nor a video, sent to a pipeline that takes videos only. */
export function unknownVideo(name: string): FacewireError {
  return new FacewireError("video_unknown_format", "The content is not a video of a known format.", {
    details: { file: name },
  });
}
