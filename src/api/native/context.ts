/** What the routes of the native API work with. */
import type { DeadLetterDesk } from "../../dead-letters/desk.ts";
import type { RetryCall, RetryOutcome } from "../../dead-letters/retries.ts";
import type { EventFeed } from "../../events/feed.ts";
import type { ModelCard } from "../../inference/card.ts";
import type { JobDesk } from "../../jobs/desk.ts";
import type { Engine, PartHealth } from "../../pipeline/results.ts";
import type { JobBodyLimits } from "./job-body.ts";

/** A model card with the state of its prepared file. */
export interface ModelListing {
  readonly card: ModelCard;
  readonly state: "ok" | "missing" | "damaged";
}

/** Limits of request bodies. */
export interface NativeLimits {
  /** Bytes. */
  readonly maxBody: number;
  readonly maxFiles: number;
  /** Milliseconds. */
  readonly bodyTimeoutMs: number;
}

/** Dead letters, and running them once more. */
export interface DeadLetterParts {
  readonly desk: DeadLetterDesk;
  /** As `DeadLetterRetries.retry` does. */
  readonly retry: (id: string, call: RetryCall) => Promise<RetryOutcome>;
}

/** Jobs, and how large they may be. */
export interface JobParts {
  readonly desk: JobDesk;
  readonly limits: JobBodyLimits;
}

/** Handed to every route. */
export interface NativeContext {
  readonly engine: Engine;
  readonly limits: NativeLimits;
  readonly deadLetters: DeadLetterParts;
  readonly jobs: JobParts;
  readonly events: {
    readonly feed: EventFeed;
    /** Milliseconds between pings on a subscription. */
    readonly pingMs: number;
  };
  /** All models with their states. Called for every listing: must not do heavy work. */
  readonly models: () => Promise<readonly ModelListing[]>;
  /** Every part of the server by name, the engine's and the others'. */
  readonly health: () => Promise<Readonly<Record<string, PartHealth>>>;
  /** Metrics in the Prometheus text format. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}
