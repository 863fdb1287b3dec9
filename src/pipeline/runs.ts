/** The runs of an engine: requests and long videos, from the version they get to their end. */
import { ulid } from "ulid";
import type { Actors } from "../actors/actors.ts";
import { FacewireError } from "../errors.ts";
import type { StageRegistry } from "../stages/registry.ts";
import { aggregate, aggregatedParts, primaryFace } from "./aggregate.ts";
import type { Deployments } from "./deployments.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { type Leg, legsOf, type RunsHere } from "./legs.ts";
import { Ongoing } from "./ongoing.ts";
import type { ParameterValues } from "./parameters.ts";
import type { Plan } from "./plan.ts";
import { runRequest } from "./request-actor.ts";
import { checkParameters, checkPriority, checkRequest } from "./request-checks.ts";
import { hasVideo, type RequestSources } from "./request-sources.ts";
import type { PrimaryFace, RunRequest, RunResult, VideoRunRequest, VideoRunResult } from "./results.ts";
import { RunErrors, runError } from "./run-error.ts";
import type { RunEnd, RunReports } from "./run-reports.ts";
import type { VideoRun } from "./video-run.ts";

/** What runs need. */
export interface RunsOptions {
  readonly actors: Actors;
  readonly stages: StageRegistry;
  readonly deployments: Deployments;
  readonly dispatcher: Dispatcher;
  readonly sources: RequestSources;
  readonly reports: RunReports;
  readonly runsHere: RunsHere;
}

/** A request with the version of its pipeline that it runs on. */
interface Run<R> {
  readonly request: R;
  readonly plan: Plan;
  readonly legs: readonly Leg[];
  /** Aborted when the caller gives up, when the run has ended, and when it is cut off. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** What all runs are asked for. */
type AnyRequest = Pick<RunRequest, "pipeline" | "signal">;

/** Milliseconds for what a run had open to be closed once it has ended. */
const CLOSING = 2_000;

/** See the file's head. */
export class Runs {
  readonly #options: RunsOptions;
  readonly #ongoing = new Ongoing();
  /** One for each run. */
  readonly #ends = new Set<AbortController>();
  #draining = false;
  #cutOff = false;

  constructor(options: RunsOptions) {
    this.#options = options;
  }

  /** See `Engine.admit`. */
  admit(pipeline: string, parameters?: ParameterValues): void {
    const { deployments, dispatcher, reports, runsHere } = this.#options;
    const plan = this.#available(pipeline);
    if (parameters) checkParameters({ parameters }, plan);
    // Nobody, here or elsewhere, has been asked to hold it yet: the request itself asks.
    if (deployments.get(pipeline).loading) return;
    reports.counted(pipeline, () => dispatcher.admit(legsOf(plan, runsHere), 1, 0, plan.deadlineMs));
  }

  /** See `Engine.run`. */
  run(request: RunRequest): Promise<RunResult> {
    const deadlineOf = (plan: Plan) => checkRequest(request, plan, hasVideo(request.files));
    return this.#begin(request, deadlineOf, async ({ plan, legs, signal, startedAt }) => {
      const chosen = { ...request, parameters: checkParameters(request, plan), signal };
      const { dispatcher, sources, reports, actors, stages } = this.#options;
      const deadlineMs = deadlineOf(plan);
      const deadline = startedAt + deadlineMs;
      const files = sources.of({ request: chosen, plan, legs }, deadline);
      const bytes = request.files.reduce((sum, file) => sum + file.bytes.byteLength, 0);
      reports.counted(plan.name, () =>
        dispatcher.admit(legs, request.files.length, bytes, deadlineMs, request.priority),
      );
      return await reports.request(request, plan, startedAt, async () => {
        const running = runRequest({
          actors,
          dispatcher,
          stages,
          plan,
          legs,
          request: chosen,
          sources: files,
          id: ulid(),
          traceparent: request.traceparent,
          startedAt,
          deadline,
          onItem: (item, settled, primary) => {
            reports.item(request, plan, item, settled);
            request.onItem?.(item, primary);
          },
        });
        const result = await running.catch((thrown) => this.#rejected(request, thrown));
        return { value: result, items: result.items.length, code: runError(result.items)?.code };
      });
    });
  }

  /** See `Engine.runVideo`. */
  runVideo(request: VideoRunRequest): Promise<VideoRunResult> {
    const patienceOf = (plan: Plan) => {
      checkParameters(request, plan);
      return plan.deadlineMs;
    };
    return this.#begin(request, patienceOf, async (run) => {
      const { dispatcher, sources, reports } = this.#options;
      const { plan, legs, signal, startedAt } = run;
      checkPriority(request.priority);
      const chosen = { ...request, parameters: checkParameters(request, plan) };
      reports.counted(plan.name, () => dispatcher.admit(legs, 1, 0, plan.deadlineMs, request.priority));
      const refusal: Refusal = {};
      try {
        return await reports.request(request, plan, startedAt, async () => {
          try {
            await using video = await sources.open({ request: chosen, plan, legs }, signal);
            request.onInfo?.(video.facts, request.sampling ?? plan.sampling);
            return await this.#handOut(run, video, refusal);
          } catch (thrown) {
            return this.#rejected(request, thrown);
          }
        });
      } catch (thrown) {
        throw refusal.by ? refusal.by.thrown : thrown;
      }
    });
  }

  /** Takes no more runs and finishes those that there are, at most for `timeoutMs`; then ends them with `shutting_down`. */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    await this.#ongoing.none(timeoutMs);
    this.#cutOff = true;
    for (const end of this.#ends) end.abort();
    await this.#ongoing.none(CLOSING);
    await this.#options.sources.closed(CLOSING);
  }

  /** Waits for the version that the request runs on, does the work, and lets go of everything. */
  async #begin<R extends AnyRequest, T>(
    request: R,
    patienceOf: (plan: Plan) => number,
    work: (run: Run<R>) => Promise<T>,
  ): Promise<T> {
    const startedAt = Date.now();
    const { deployments } = this.#options;
    const { pipeline } = request;
    const patience = patienceOf(this.#available(pipeline));
    const end = new AbortController();
    const giveUp = () => end.abort();
    request.signal?.addEventListener("abort", giveUp);
    if (request.signal?.aborted) giveUp();
    const ended = this.#ongoing.begin();
    this.#ends.add(end);
    try {
      const ready = inTime(deployments.ready(pipeline), patience, end.signal);
      await ready.catch((thrown) => this.#rejected(request, thrown));
      const { planned, legs, release } = deployments.use(pipeline);
      try {
        return await work({ request, plan: planned.plan, legs, signal: end.signal, startedAt });
      } finally {
        release();
      }
    } finally {
      request.signal?.removeEventListener("abort", giveUp);
      this.#ends.delete(end);
      end.abort();
      ended();
    }
  }

  /** Hands the results of a long video to whoever wants them, and puts them together. */
  async #handOut(run: Run<VideoRunRequest>, video: VideoRun, refusal: Refusal): Promise<RunEnd<VideoRunResult>> {
    const { reports, stages } = this.#options;
    const { request, plan, startedAt } = run;
    const primaries: PrimaryFace[] = [];
    const errors = new RunErrors();
    let items = 0;
    for await (const { result, settled } of video.results()) {
      items++;
      errors.add(result);
      reports.item(request, plan, result, settled);
      const primary = result.status === "ok" ? primaryFace(settled.outcome.faces) : undefined;
      if (primary && request.aggregate !== false) primaries.push(aggregatedParts(plan, stages, primary));
      try {
        await request.onItem(result, primary);
      } catch (thrown) {
        refusal.by = { thrown };
        throw new FacewireError("request_cancelled", "Whoever took the results wanted no more.", { cause: thrown });
      }
    }
    const over = primaries.map((face) => [face]);
    const value = {
      request: request.id,
      pipeline: plan.name,
      version: plan.version,
      video: video.summary(),
      aggregate: request.aggregate === false ? {} : aggregate(plan, stages, over),
      elapsed_ms: Date.now() - startedAt,
    };
    return { value, items, code: errors.error?.code };
  }

  /** Throws what a run ended with; a caller that did not give up itself learns who did. */
  #rejected({ signal }: AnyRequest, thrown: unknown): never {
    throw this.#cutOff && wasCancelled(thrown) && !signal?.aborted ? shuttingDown() : thrown;
  }

  /** The version that a new request would get. */
  #available(pipeline: string): Plan {
    if (this.#draining) throw shuttingDown();
    return this.#options.deployments.running(pipeline).plan;
  }
}

/** What the taker of results ended a run with: it gets that back as it was. */
interface Refusal {
  by?: { readonly thrown: unknown };
}

function wasCancelled(thrown: unknown): boolean {
  return thrown instanceof FacewireError && thrown.code === "request_cancelled";
}

function shuttingDown(): FacewireError {
  return new FacewireError("shutting_down", "The server is stopping.");
}

/** Waits for a pipeline that is taken up, as long as a request may wait at all. */
async function inTime(ready: Promise<void>, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new FacewireError("deadline_exceeded", "The pipeline's models were not loaded by the deadline."));
  }, timeoutMs);
  const leave = () => reject(new FacewireError("request_cancelled", "The request is no longer wanted."));
  signal.addEventListener("abort", leave);
  if (signal.aborted) leave();
  try {
    await Promise.race([ready, promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
  }
}
