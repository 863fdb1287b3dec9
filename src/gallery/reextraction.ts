/**
 * Extracts descriptors again when the model they are made with has changed: those of another model or version cannot be
 * found any more. It runs on the pictures that are stored with them, behind all requests, in one process at a time; the
 * store keeps how far it is, so that it goes on after a restart.
 */

import { backoffDelay, DEFAULT_BACKOFF } from "../bus/backoff.ts";
import type { CancelTimer, Clock } from "../bus/clock.ts";
import { pause } from "../bus/pause.ts";
import { nextTurn } from "../bus/turn.ts";
import { FacewireError } from "../errors.ts";
import type { Logger } from "../observe/logs.ts";
import type { Engine, PartHealth } from "../pipeline/results.ts";
import type {
  ModelVersion,
  Reextracted,
  ReextractionProgress,
  Reextractions,
  StaleDescriptor,
} from "../store/gallery/reextraction.ts";
import { hasEndedHere, processName } from "../store/process-name.ts";
import { extractAgain } from "./extract-again.ts";

/** What it works with. */
export interface ReextractionParts {
  readonly store: Reextractions;
  readonly engine: Pick<Engine, "run">;
  /** What new descriptors are made with. */
  readonly target: ModelVersion;
  /** Pictures in hand at once. */
  readonly concurrent: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Milliseconds between looks for descriptors that others, with an older model, have made meanwhile. */
const LOOK_EVERY = 60_000;
/** Milliseconds a process that was killed is waited for, and between two renewals. */
const LEASE = 30_000;
const RENEWAL = 10_000;

/** See the file's head. */
export class Reextraction {
  readonly #parts: ReextractionParts;
  readonly #owner = processName();
  readonly #stopping = new AbortController();
  #lost = new AbortController();
  #state: "idle" | "running" | "elsewhere" = "idle";
  #failure: FacewireError | undefined;
  #running: Promise<void> = Promise.resolve();
  #cancel: CancelTimer | undefined;

  constructor(parts: ReextractionParts) {
    this.#parts = parts;
  }

  /** Begins to look for work, now and then every minute. */
  start(): void {
    // Only at the start: while an installation is updated, an older process must not take back what a newer one does.
    this.#running = this.#choose().then(() => this.#look());
    this.#cancel = this.#parts.clock.every(LOOK_EVERY, () => {
      if (this.#state === "running") return undefined;
      this.#running = this.#running.then(() => this.#look());
      return this.#running;
    });
  }

  /** Resolves when nothing is under way and the work was given back. */
  async close(): Promise<void> {
    this.#cancel?.();
    this.#stopping.abort();
    await this.#running;
  }

  /** Never `failed`: what is not extracted again is not found, all else works. */
  async health(): Promise<PartHealth> {
    let progress: ReextractionProgress;
    try {
      progress = await this.#parts.store.progress();
    } catch {
      return { status: "degraded", message: "Descriptors are not extracted again without the database." };
    }
    const { model, version, walked, numbered, replaced, impossible } = progress;
    const details = { state: this.#state, model, version, done: walked, of: numbered, replaced, impossible };
    if (this.#failure) return { status: "degraded", message: this.#failure.message, details };
    return { status: "ok", details };
  }

  async #choose(): Promise<void> {
    const { store, target } = this.#parts;
    await this.#patiently(() => store.choose(target));
  }

  async #look(): Promise<void> {
    const { store, target, clock, logger } = this.#parts;
    if (this.#stopping.signal.aborted) return;
    const lease = () => store.lease(target, { owner: this.#owner, until: clock.now() + LEASE }, hasEndedHere);
    try {
      const { walked, numbered } = await store.progress();
      if (walked >= numbered) return;
      if (!(await lease())) {
        this.#state = "elsewhere";
        return;
      }
    } catch (error) {
      logger.warn("descriptors not looked for that are to be extracted again", { error });
      return;
    }
    this.#state = "running";
    this.#lost = new AbortController();
    const endRenewal = clock.every(RENEWAL, async () => {
      // What cannot be asked is asked again; a lease that ran out meanwhile is noticed when something is stored.
      if (!(await lease().catch(() => true))) this.#lost.abort();
    });
    try {
      await this.#work();
    } finally {
      endRenewal();
      this.#state = "idle";
      await store.release(this.#owner).catch(() => undefined);
    }
  }

  async #work(): Promise<void> {
    const { store, target, concurrent, logger } = this.#parts;
    const signal = AbortSignal.any([this.#stopping.signal, this.#lost.signal]);
    const first = await this.#patiently(() => store.progress());
    if (!first) return;
    let after = first.walked;
    let told = false;
    while (!signal.aborted) {
      const found = await this.#patiently(() => store.stale(target, after, concurrent));
      if (!found || found.through === after) break;
      if (found.stale.length > 0 && !told) {
        logger.info("descriptors are extracted again", { ...target });
        told = true;
      }
      const results = await this.#extract(found.stale, signal);
      if (!results) break;
      const stored = await this.#patiently(() => store.store(target, this.#owner, results, found.through));
      if (!stored) break;
      after = found.through;
      await nextTurn();
    }
    if (!told) return;
    const last = await store.progress().catch(() => first);
    logger.info(signal.aborted ? "extracting descriptors again interrupted" : "descriptors extracted again", {
      replaced: last.replaced - first.replaced,
      impossible: last.impossible - first.impossible,
    });
  }

  /** What came of all of them; undefined when the signal fired. */
  async #extract(stale: readonly StaleDescriptor[], signal: AbortSignal): Promise<readonly Reextracted[] | undefined> {
    const { engine, target } = this.#parts;
    const results = await Promise.all(
      stale.map(async (descriptor) => {
        const { sample } = descriptor;
        if (!sample) return { descriptor, values: undefined };
        const extracted = await this.#patiently(() => extractAgain(engine, sample, target, signal), signal);
        return extracted && { descriptor, values: extracted.values };
      }),
    );
    return results.every((result) => result !== undefined) ? results : undefined;
  }

  /** Tries again until it works; undefined when the signal fired. What it waits for is told in health. */
  async #patiently<T>(work: () => Promise<T>, signal = this.#stopping.signal): Promise<T | undefined> {
    for (let failures = 1; ; failures++) {
      if (signal.aborted) return undefined;
      try {
        const result = await work();
        this.#failure = undefined;
        return result;
      } catch (thrown) {
        if (signal.aborted) return undefined;
        const failure = FacewireError.from(thrown);
        if (failure.message !== this.#failure?.message) {
          this.#parts.logger.warn("extracting descriptors again waits", { error: failure });
        }
        this.#failure = failure;
        await pause(backoffDelay(DEFAULT_BACKOFF, failures, Math.random), signal);
      }
    }
  }
}
