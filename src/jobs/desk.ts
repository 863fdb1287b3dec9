/** What people do with jobs: hand them in, look at them, cancel them. The API speaks to this. */
import { createHash } from "node:crypto";
import { ulid } from "ulid";
import { FacewireError } from "../errors.ts";
import { parameterValues } from "../pipeline/parameters.ts";
import type { Engine, PipelineDetail } from "../pipeline/results.ts";
import type { JobContent, StoredResult } from "../store/job-content.ts";
import type { JobRecord } from "../store/job-record.ts";
import type { JobPage, Jobs } from "../store/jobs.ts";
import type { JobChanges } from "./changes.ts";
import type { JobFolders } from "./folders.ts";
import { type JobDetailJson, type JobJson, jobJson } from "./job-json.ts";
import type { Leases } from "./leases.ts";
import type { JobNews } from "./news.ts";
import type { JobOptions } from "./options.ts";
import type { JobRunner } from "./runner.ts";
import { JobUpload, type UploadFacts } from "./upload.ts";

/** What a desk works with. */
export interface JobDeskOptions {
  readonly engine: Pick<Engine, "pipeline">;
  readonly jobs: Jobs;
  readonly content: JobContent;
  readonly folders: JobFolders;
  readonly leases: Leases;
  readonly news: JobNews;
  readonly changes: JobChanges;
  readonly runner: Pick<JobRunner, "wake" | "cut">;
  /** Most jobs that wait. */
  readonly waiting: number;
  /** The data folder that files go to; undefined where all processes on the database have the same. */
  readonly place: () => Promise<string | undefined>;
}

/** What a job is to be, besides its files. */
export interface JobWishes {
  readonly pipeline: string;
  readonly options: JobOptions;
  /** Idempotency key. */
  readonly key: string | undefined;
}

/** Seconds after which a refused upload may find a place. */
const RETRY_AFTER_S = 10;
/** Most videos whose summaries are shown with a job. */
const MOST_VIDEOS = 100;

/** See the file's head. Methods reject with `store_unavailable` when the database fails. */
export class JobDesk {
  readonly #options: JobDeskOptions;
  readonly #uploads = new Map<JobUpload, () => void>();
  #stopping = false;

  constructor(options: JobDeskOptions) {
    this.#options = options;
  }

  /** Whether the server ends: who follows a job is then let go. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Lets those go who follow jobs. Uploads that have begun may end. */
  stop(): void {
    this.#stopping = true;
    this.#options.changes.all();
  }

  /**
   * Begins an upload, which is then to be ended with {@link submit} or {@link discard}. Rejects with `overloaded` when too
   * many jobs wait; a key that is known gets in, since its job is there already.
   */
  async begin(key: string | undefined): Promise<JobUpload> {
    const { jobs, leases, folders, content, waiting, place } = this.#options;
    if (this.#stopping) throw new FacewireError("shutting_down", "The server is stopping.");
    const known = key !== undefined && (await jobs.findByKey(key)) !== undefined;
    const id = ulid();
    const limit = known ? undefined : waiting;
    const reservation = { id, owner: leases.owner, leaseUntil: leases.until(), limit, place: await place() };
    if (!(await jobs.reserve(reservation))) {
      throw new FacewireError("overloaded", `${waiting} jobs wait already; this one was refused.`, {
        details: { retry_after_s: RETRY_AFTER_S, waiting },
      });
    }
    const upload = new JobUpload(id, folders, content);
    this.#uploads.set(
      upload,
      leases.hold(id, () => undefined),
    );
    return upload;
  }

  /** Gives an upload up; nothing of it is left. */
  async discard(upload: JobUpload): Promise<void> {
    try {
      await upload.discard();
    } finally {
      this.#letGo(upload);
    }
  }

  /**
   * Makes a complete upload a job, or finds the job that its key stands for. Files and job are on the disk when this
   * resolves. Rejects with `idempotency_conflict`, `request_invalid`, `pipeline_unknown`, `pipeline_unavailable`,
   * `input_not_accepted`; the upload is then still to be discarded.
   */
  async submit(upload: JobUpload, wishes: JobWishes): Promise<{ readonly job: JobJson; readonly created: boolean }> {
    const { jobs, news, runner } = this.#options;
    const { pipeline, options, key } = wishes;
    const facts = await upload.complete();
    if (facts.files === 0) throw new FacewireError("request_invalid", "The request holds no picture or video.");
    const fingerprint = fingerprintOf(wishes, facts);
    const before = key === undefined ? undefined : await jobs.findByKey(key);
    if (!before) {
      const detail = this.#options.engine.pipeline(pipeline);
      parameterValues(detail.parameters, options.parameters ?? {}, pipeline);
      checkAccepted(detail, facts);
    }
    const admitted = await jobs.admit(upload.id, {
      pipeline,
      options,
      key,
      fingerprint,
      files: facts.files,
      bytes: facts.bytes,
      // A picture has one result; how many a video has it says when it is opened.
      total: facts.videos === 0 ? facts.files : undefined,
    });
    if (!admitted) throw new FacewireError("store_unavailable", "The upload took longer than its place was kept.");
    if (!admitted.created && admitted.job.fingerprint !== fingerprint) throw conflict(admitted.job);
    if (!admitted.created) {
      await this.discard(upload);
      return { job: jobJson(admitted.job), created: false };
    }
    this.#letGo(upload);
    await news.tell(admitted.job);
    runner.wake();
    return { job: jobJson(admitted.job), created: true };
  }

  /** Jobs, newest first. */
  async list(page: JobPage): Promise<{ readonly jobs: readonly JobJson[]; readonly next?: string }> {
    const { jobs, next } = await this.#options.jobs.list(page);
    return { jobs: jobs.map(jobJson), ...(next === undefined ? {} : { next }) };
  }

  /** A job in full. Rejects with `job_unknown`. */
  async show(id: string): Promise<JobDetailJson> {
    const job = await this.#get(id);
    const videos = await this.#options.content.videos(id, MOST_VIDEOS);
    return {
      ...jobJson(job),
      ...(job.aggregate === undefined ? {} : { aggregate: job.aggregate as JobDetailJson["aggregate"] & object }),
      ...(videos.summaries.length === 0 ? {} : { videos: videos.summaries.map((json) => JSON.parse(json)) }),
      ...(videos.more === 0 ? {} : { videos_left_out: videos.more }),
    };
  }

  /** The job as in lists. Rejects with `job_unknown`. */
  async glance(id: string): Promise<JobJson> {
    return jobJson(await this.#get(id));
  }

  /** Results behind a position. The job is as it was before they were read. Rejects with `job_unknown`. */
  async results(
    id: string,
    after: number,
    limit: number,
  ): Promise<{ readonly job: JobJson; readonly results: readonly StoredResult[] }> {
    const job = await this.glance(id);
    return { job, results: await this.#options.content.results(id, after, limit) };
  }

  /** Resolves when the job may have changed, at the latest after `ms`. */
  change(id: string, ms: number): Promise<void> {
    return this.#stopping ? Promise.resolve() : this.#options.changes.next(id, ms);
  }

  /**
   * Ends a job that has not ended; its results stay. One that has ended is deleted with its results when `orRemove` says
   * so, which resolves with undefined. Rejects with `job_unknown` and `job_ended`.
   */
  async cancel(id: string, { orRemove }: { readonly orRemove: boolean }): Promise<JobJson | undefined> {
    const { jobs, runner, news, changes, folders, content } = this.#options;
    const cancelled = await jobs.cancel(id);
    if (cancelled) {
      await runner.cut(id);
      await news.tell(cancelled);
      changes.changed(id);
      await folders.remove(id);
      return jobJson(cancelled);
    }
    const { state } = await this.#get(id);
    if (!orRemove) throw new FacewireError("job_ended", `The job is ${state} already.`, { details: { state } });
    if (!(await jobs.hide(id))) throw unknown();
    await folders.remove(id);
    await content.delete(id);
    return undefined;
  }

  async #get(id: string): Promise<JobRecord> {
    const job = await this.#options.jobs.get(id);
    if (!job) throw unknown();
    return job;
  }

  #letGo(upload: JobUpload): void {
    this.#uploads.get(upload)?.();
    this.#uploads.delete(upload);
  }
}

function fingerprintOf({ pipeline, options }: JobWishes, { hash }: UploadFacts): string {
  return createHash("sha256")
    .update(JSON.stringify([pipeline, options, hash]))
    .digest("hex");
}

/** One file of many that the pipeline does not take fails by itself; when there is no other, the job would be for nothing. */
function checkAccepted({ name, accepts }: PipelineDetail, { files, videos }: UploadFacts): void {
  const fitting = (accepts.includes("image") ? files - videos : 0) + (accepts.includes("video") ? videos : 0);
  if (fitting > 0) return;
  const noun = videos === files ? "videos" : videos === 0 ? "pictures" : "such files";
  throw new FacewireError("input_not_accepted", `Pipeline ${name} takes no ${noun}.`, { details: { accepts } });
}

function conflict({ id }: JobRecord): FacewireError {
  return new FacewireError("idempotency_conflict", "The idempotency key was used before for another request.", {
    details: { job: id },
  });
}

function unknown(): FacewireError {
  return new FacewireError("job_unknown", "No job has this id, or it is past its retention.");
}
