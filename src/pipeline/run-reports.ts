/** What the observer of an engine is told of requests and their items. */
import { type ErrorCode, FacewireError } from "../errors.ts";
import type { EngineObserver } from "./observer.ts";
import type { Plan } from "./plan.ts";
import type { ItemResult, RunRequest } from "./results.ts";
import type { SettledItem } from "./scheduler.ts";

/** What came of a request. */
export interface RunEnd<T> {
  readonly value: T;
  readonly items: number;
  /** Undefined when at least one item was worked on. */
  readonly code: ErrorCode | undefined;
}

/** See the file's head. */
export class RunReports {
  readonly #observer: EngineObserver | undefined;

  constructor(observer: EngineObserver | undefined) {
    this.#observer = observer;
  }

  /** Does the work of a request and reports how it ended. Rejects with coded errors only. */
  async request<T>(
    request: Pick<RunRequest, "id" | "traceparent">,
    plan: Plan,
    startedAt: number,
    work: () => Promise<RunEnd<T>>,
  ): Promise<T> {
    const report = (items: number, code: ErrorCode | undefined) =>
      this.#observer?.request?.({
        requestId: request.id,
        pipeline: plan.name,
        items,
        startedAt,
        finishedAt: Date.now(),
        code,
        traceparent: request.traceparent,
      });
    try {
      const { value, items, code } = await work();
      report(items, code);
      return value;
    } catch (thrown) {
      const error = FacewireError.from(thrown);
      report(0, error.code);
      throw error;
    }
  }

  /** An item has its result. */
  item(request: Pick<RunRequest, "id">, plan: Plan, item: ItemResult, settled: SettledItem): void {
    const { outcome, queuedAt, startedAt, attempts } = settled;
    this.#observer?.item?.({
      requestId: request.id,
      pipeline: plan.name,
      version: plan.version,
      index: item.index,
      status: item.status,
      code: outcome.error?.code,
      internal: outcome.internal,
      queuedAt,
      startedAt,
      finishedAt: Date.now(),
      decodeMs: outcome.decodeMs,
      stages: outcome.times,
      attempts,
    });
  }

  /** Runs a check and counts the request as refused when it throws. */
  counted(pipeline: string, check: () => void): void {
    try {
      check();
    } catch (thrown) {
      this.#observer?.refused?.(pipeline, FacewireError.from(thrown).code);
      throw thrown;
    }
  }
}
