/**
 * Tells a job's life as events. What began and what ended is told once, also when the process that should have told it is
 * gone: the job remembers what was told, and keys keep what is told again from being stored again.
 */
import type { EventRecorder, NewEvent } from "../events/recorder.ts";
import { ANNOUNCED_ALL, hasEnded, type JobRecord } from "../store/job-record.ts";
import type { Jobs } from "../store/jobs.ts";
import { progressNumbers } from "./job-json.ts";
import { requestIdOf } from "./options.ts";
import type { JobProgress } from "./result-writer.ts";

/** Milliseconds between two events of a job's progress. */
const PROGRESS_EVERY = 1_000;

/** See the file's head. */
export class JobNews {
  readonly #recorder: Pick<EventRecorder, "record">;
  readonly #jobs: Jobs;
  readonly #progressAt = new Map<string, number>();

  constructor(recorder: Pick<EventRecorder, "record">, jobs: Jobs) {
    this.#recorder = recorder;
    this.#jobs = jobs;
  }

  /** Tells what is untold of a job's beginning and end. Never rejects: what cannot be noted is told again later. */
  async tell(job: JobRecord): Promise<void> {
    const events: NewEvent[] = [];
    const subject = subjectOf(job);
    if (job.announced < 1) {
      events.push({ ...subject, key: `${job.id}/created`, type: "job.created", data: { files: job.files } });
    }
    if (hasEnded(job.state) && job.announced < ANNOUNCED_ALL) {
      this.#progressAt.delete(job.id);
      events.push({ ...subject, key: `${job.id}/ended`, ...endOf(job) });
    }
    if (events.length === 0) return;
    if (!(await this.#recorder.record(events))) return;
    await this.#jobs.setAnnounced(job.id, hasEnded(job.state) ? ANNOUNCED_ALL : 1).catch(() => undefined);
  }

  /** Tells what others left untold: they ended between a job's change and its event. */
  async tellMissed(): Promise<void> {
    for (const job of await this.#jobs.unannounced()) await this.tell(job);
  }

  /** A process begins to work on a job. */
  async started(job: JobRecord): Promise<void> {
    const { ok, no_face, rejected, failed } = job.counts;
    const data = { resumed: ok + no_face + rejected + failed > 0 };
    await this.#recorder.record([{ ...subjectOf(job), type: "job.started", data }]);
  }

  /** A job got on; told at most once a second. */
  progress(job: JobRecord, progress: JobProgress): void {
    const now = performance.now();
    if (now - (this.#progressAt.get(job.id) ?? Number.NEGATIVE_INFINITY) < PROGRESS_EVERY) return;
    this.#progressAt.set(job.id, now);
    const { done, total, rate, time_left_s } = progressNumbers(progress);
    const data = { items_done: done, items_total: total, rate_per_s: rate, seconds_left: time_left_s };
    void this.#recorder.record([{ ...subjectOf(job), type: "job.progress", data }]);
  }

  /** This process no longer works on a job. */
  left(id: string): void {
    this.#progressAt.delete(id);
  }
}

function subjectOf({ id, pipeline }: JobRecord) {
  return { pipeline, job: id, request: requestIdOf(id) };
}

function endOf(job: JobRecord) {
  if (job.state === "completed") {
    return {
      type: "job.completed",
      data: { items: { ...job.counts }, elapsed_ms: job.activeMs },
    } as const;
  }
  if (job.state === "cancelled") return { type: "job.cancelled", data: {} } as const;
  const error = job.error ?? { code: "internal", message: "An unexpected failure." };
  return { type: "job.failed", data: { error } } as const;
}
