/** What a job is asked for besides its pipeline and its files. */
import type { FrameSampling } from "../media/video/video.ts";
import type { ParameterValues } from "../pipeline/parameters.ts";

/** Kept with the job as JSON, and part of what an idempotency key stands for. */
export interface JobOptions {
  /** Which frames of videos are analysed; the pipeline's own choice when absent. */
  readonly sampling?: FrameSampling;
  /** Values of parameters that the pipeline declares; the others have their defaults. */
  readonly parameters?: ParameterValues;
  /** Adds each stage's trace to the items. */
  readonly explain?: boolean;
  /** Adds the EXIF fields of each picture. */
  readonly exif?: boolean;
}

/** The request id of everything a job asks of the engine; all its events have it. */
export function requestIdOf(jobId: string): string {
  return `job-${jobId}`;
}
