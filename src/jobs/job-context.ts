/** What the parts that run one job share. */
import type { JobContent } from "../store/job-content.ts";
import type { JobRecord } from "../store/job-record.ts";
import type { JobFolders } from "./folders.ts";
import { type JobOptions, requestIdOf } from "./options.ts";
import { passingFailure, type RunningEngine } from "./passing-failures.ts";
import type { Patience } from "./patience.ts";
import type { ResultWriter } from "./result-writer.ts";

/** See the file's head. */
export interface JobContext {
  readonly job: JobRecord;
  readonly options: JobOptions;
  /** Tells events, and rejects where an item failed for a reason that passes. */
  readonly engine: RunningEngine;
  readonly content: JobContent;
  readonly folders: JobFolders;
  readonly writer: ResultWriter;
  readonly patience: Patience;
  /** 0 to 9, of everything the job asks of the engine. */
  readonly priority: number;
  /** Pictures in hand at once. */
  readonly concurrency: number;
  /** Position of the job's last video, where it has any. */
  readonly lastVideo: number | undefined;
  /** Larger pictures are refused without being read; bytes. */
  readonly maxPictureBytes: number;
  /** Fires when the job is to stop behind the item that is done next. */
  readonly stop: AbortSignal;
  /** Fires when everything is to end at once. */
  readonly cutOff: AbortSignal;
}

/** The job was told to stop before it was done. */
export class JobStopped extends Error {}

/** What all requests of a job to the engine have in common. Their id is the same for all: events hold on to it. */
export function requestOf({ job, options, priority, cutOff }: JobContext) {
  const { explain = false, exif = false, parameters = {} } = options;
  return { id: requestIdOf(job.id), pipeline: job.pipeline, priority, parameters, explain, exif, signal: cutOff };
}

/** Does something until it works or fails for good; throws {@link JobStopped} when the job is told to stop meanwhile. */
export async function patiently<T>({ patience, writer, stop, cutOff }: JobContext, work: () => Promise<T>): Promise<T> {
  let failures = 0;
  let failedAt: number | undefined;
  for (;;) {
    if (stop.aborted) throw new JobStopped();
    try {
      const result = await work();
      await patience.over();
      return result;
    } catch (thrown) {
      if (cutOff.aborted) throw new JobStopped();
      const failure = passingFailure(thrown);
      if (!failure) throw thrown;
      // As long as results come in between, the surroundings are well again each time.
      failures = writer.next === failedAt ? failures + 1 : 1;
      failedAt = writer.next;
      await patience.wait(failure, failures);
      writer.stoodStill();
    }
  }
}
