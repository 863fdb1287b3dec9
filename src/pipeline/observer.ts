/** What the engine tells those who count, log and trace. Every method is called at once and must not throw. */
import type { ErrorCode } from "../errors.ts";
import type { StageTime } from "./executor.ts";
import type { ItemStatus } from "./results.ts";

/** One picture's way through the engine. Times in milliseconds; `…At` since the epoch. */
export interface ItemReport {
  readonly requestId: string;
  readonly pipeline: string;
  readonly version: string;
  readonly index: number;
  readonly status: ItemStatus;
  readonly code: ErrorCode | undefined;
  /** The failure in the worker's own words; for logs only. */
  readonly internal: string | undefined;
  readonly queuedAt: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number;
  readonly decodeMs: number;
  readonly stages: readonly StageTime[];
  readonly attempts: number;
}

/** One request's end. */
export interface RequestReport {
  readonly requestId: string;
  readonly pipeline: string;
  readonly items: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  /** Undefined when at least one item was worked on. */
  readonly code: ErrorCode | undefined;
  readonly traceparent: string | undefined;
}

/** See the file's head. */
export interface EngineObserver {
  item?(report: ItemReport): void;
  request?(report: RequestReport): void;
  /** A request was not taken. */
  refused?(pipeline: string, code: ErrorCode): void;
  workerLost?(place: number, cause: string): void;
  /** A pipeline was swapped, or a changed file could not be taken up. */
  pipelineChanged?(name: string, version: string, error: { code: ErrorCode; message: string } | undefined): void;
}
