/** Which frames of videos a pipeline analyses. */
import type { PipelineDefinition } from "./definition.ts";
import type { Plan } from "./plan.ts";
import type { PlanProblems } from "./plan-problems.ts";

/** Frames analysed for a second of video where the pipeline does not say. */
const DEFAULT_RATE = 5;

/** The choice of `video:`; reports what does not go together. */
export function planSampling({ accepts, video }: PipelineDefinition, problems: PlanProblems): Plan["sampling"] {
  if (video.rate !== undefined && video.every !== undefined) {
    problems.report(["video", "every"], "does not go with `rate`: choose one");
  }
  if (Object.keys(video).length > 0 && !accepts.includes("video")) {
    problems.report(["video"], "means nothing without `accepts: [image, video]`");
  }
  return video.every === undefined ? { rate: video.rate ?? DEFAULT_RATE } : { every: video.every };
}
