/**
 * Commits a job's results in small batches, in their order. A result is taken at once and committed within a tenth of a
 * second; when the database is slower than the work, the work waits.
 */
import type { ItemResult, ItemStatus, PrimaryFace } from "../pipeline/results.ts";
import type { JobRecord, ResultCounts } from "../store/job-record.ts";
import type { Holding, JobCommit, JobWork, NewResult } from "../store/job-work.ts";
import { unlessAborted, untilStored } from "./patience.ts";
import { packPrimaryFace } from "./primary-faces.ts";
import { RateMeter } from "./rate.ts";

/** Longest time in ms a result waits to be committed. */
const COMMIT_AFTER = 100;
/** Results that are committed without waiting for others. */
const COMMIT_AT = 64;
/** Results that may wait for a commit; beyond, whoever brings more waits. */
const MOST_PENDING = 256;

/** How far a job is, as committed. */
export interface JobProgress {
  readonly counts: ResultCounts;
  readonly total: number | undefined;
  readonly rate: number | undefined;
}

/** What a writer works with. */
export interface ResultWriterOptions {
  readonly job: JobRecord;
  readonly holding: Holding;
  readonly work: JobWork;
  /** Fires when nothing is to be written any more. */
  readonly cutOff: AbortSignal;
  /** Keys of the pipeline's aggregate. */
  readonly aggregated: () => readonly string[];
  /** Resolves when the events of all results so far are stored; a result is not acknowledged before. */
  readonly told: () => Promise<void>;
  /** Called after each commit. */
  readonly onCommit: (progress: JobProgress) => void;
}

/** Thrown when the job no longer belongs to this process: it was cancelled, or taken over while this process slept. */
export class JobLost extends Error {}

/** See the file's head. */
export class ResultWriter {
  readonly #options: ResultWriterOptions;
  readonly #versions: string[];
  readonly #startedAt = performance.now();
  readonly #meter: RateMeter;
  #counts: Record<ItemStatus, number>;
  #nextFile: number;
  #total: number | undefined;
  #results: NewResult[] = [];
  #best: JobCommit["best"];
  #video: JobCommit["video"];
  #changed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #committing: Promise<void> | undefined;
  #failure: unknown;

  constructor(options: ResultWriterOptions) {
    const { counts, nextFile, total, versions } = options.job;
    this.#options = options;
    this.#counts = { ...counts };
    this.#nextFile = nextFile;
    this.#total = total;
    this.#versions = [...versions];
    this.#meter = new RateMeter(this.#startedAt, this.next);
  }

  /** Position of the next result, which is also how many there are. */
  get next(): number {
    const { ok, no_face, rejected, failed } = this.#counts;
    return ok + no_face + rejected + failed;
  }

  get nextFile(): number {
    return this.#nextFile;
  }

  /** Results so far, also those not committed yet. */
  get counts(): ResultCounts {
    return this.#counts;
  }

  /** Milliseconds that processes worked on the job. */
  get activeMs(): number {
    return this.#options.job.activeMs + performance.now() - this.#startedAt;
  }

  /**
   * Takes the next result of a file; `last`: the file is done with it. Rejects with {@link JobLost}, at the latest one
   * batch after the job was lost.
   */
  async add(file: number, item: ItemResult, primary: PrimaryFace | undefined, last: boolean): Promise<void> {
    const { drawn: _drawn, ...shown } = item;
    const face = packPrimaryFace(primary, this.#options.aggregated());
    this.#results.push({ position: this.next, file, item: JSON.stringify({ ...shown, index: this.next }), face });
    this.#counts[item.status]++;
    if (last) this.#nextFile = file + 1;
    this.#touch();
    while (this.#results.length >= MOST_PENDING && this.#failure === undefined) await this.#commitNow();
    this.#throwFailure();
  }

  /** Marks a video as done; `summary`: what came of it. Resolves when that is committed. */
  async videoDone(file: number, summary: object): Promise<void> {
    this.#nextFile = file + 1;
    this.#video = { file, json: JSON.stringify(summary) };
    this.#best = undefined;
    this.#touch();
    await this.flush();
  }

  /** Keeps the best frame so far of a video. */
  best(file: number, frame: object): void {
    this.#best = { file, json: JSON.stringify(frame) };
    this.#touch();
  }

  /** Says how many results there will be. */
  expect(total: number): void {
    this.#total = total;
    this.#touch();
  }

  /** Remembers which version of the pipeline worked. */
  version(version: string): void {
    if (this.#versions.includes(version)) return;
    this.#versions.push(version);
    this.#touch();
  }

  /** The work stood still: its speed is measured anew. */
  stoodStill(): void {
    this.#meter.reset(performance.now(), this.next);
  }

  /** Resolves when everything is committed. Rejects with {@link JobLost}. */
  async flush(): Promise<void> {
    while ((this.#changed || this.#committing) && this.#failure === undefined) await this.#commitNow();
    this.#throwFailure();
  }

  /** Ends the writer; what is not committed is dropped. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #touch(): void {
    this.#changed = true;
    if (this.#results.length >= COMMIT_AT) void this.#commitNow();
    else this.#timer ??= setTimeout(() => void this.#commitNow(), COMMIT_AFTER);
  }

  #commitNow(): Promise<void> {
    this.#committing ??= this.#commit()
      .catch((thrown) => {
        this.#failure ??= thrown;
      })
      .finally(() => {
        this.#committing = undefined;
        // What came meanwhile is on its own way.
        if (this.#changed && this.#failure === undefined) this.#touch();
      });
    return this.#committing;
  }

  async #commit(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#changed) return;
    const { work, holding, cutOff, told, onCommit } = this.#options;
    const [results, best, video] = [this.#results, this.#best, this.#video];
    const counts = { ...this.#counts };
    const rate = this.#meter.update(performance.now(), this.next);
    const commit: JobCommit = {
      results,
      counts,
      nextFile: this.#nextFile,
      total: this.#total,
      rate,
      activeMs: this.activeMs,
      versions: [...this.#versions],
      ...(best ? { best } : {}),
      ...(video ? { video } : {}),
    };
    this.#results = [];
    this.#best = undefined;
    this.#video = undefined;
    this.#changed = false;
    await unlessAborted(told(), cutOff);
    if (!(await untilStored(() => work.commit(holding, commit), cutOff))) throw new JobLost();
    onCommit({ counts, total: commit.total, rate });
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
