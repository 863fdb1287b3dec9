/**
 * What those who count, log and trace are told. The engine's and the listeners' own reports fit these shapes; they are
 * written down here so that observing stands on nothing but the error codes.
 */
import type { ErrorCode } from "../errors.ts";

/** One stage's work on one picture. */
export interface StageReport {
  /** Unique in its pipeline. */
  readonly id: string;
  readonly kind: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Milliseconds, waiting included. */
  readonly elapsedMs: number;
  /** Milliseconds waited for slots of the stage's pool. */
  readonly waitedMs: number;
}

/** One picture's way through the engine. `…At` in milliseconds since the epoch. */
export interface ItemReport {
  readonly requestId: string;
  readonly pipeline: string;
  readonly index: number;
  readonly status: string;
  readonly code: ErrorCode | undefined;
  /** The failure in the worker's own words; for logs only. */
  readonly internal: string | undefined;
  readonly queuedAt: number;
  /** Undefined when no worker ever took it. */
  readonly startedAt: number | undefined;
  readonly finishedAt: number;
  readonly decodeMs: number;
  readonly stages: readonly StageReport[];
  readonly attempts: number;
}

/** One request's end; comes after the reports of the pictures that were answered. */
export interface RequestReport {
  readonly requestId: string;
  readonly pipeline: string;
  readonly items: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  /** Undefined when at least one picture was worked on. */
  readonly code: ErrorCode | undefined;
  /** W3C trace context the caller sent. */
  readonly traceparent: string | undefined;
}

/** Is told what the engine does. */
export interface EngineWatcher {
  item?(report: ItemReport): void;
  request?(report: RequestReport): void;
  /** A request was not taken. */
  refused?(pipeline: string, code: ErrorCode): void;
  workerLost?(place: number, cause: string): void;
  /** A pipeline was swapped, or a changed file could not be taken up. */
  pipelineChanged?(name: string, version: string, error: { code: ErrorCode; message: string } | undefined): void;
}

/** A process that runs stages for others. */
export interface GroupMemberReport {
  readonly member: string;
  readonly host: string;
  readonly pid: number;
  readonly groups: readonly string[];
}

/** Is told of the processes of groups; must not throw. */
export interface GroupWatcher {
  memberJoined?(member: GroupMemberReport): void;
  /** It said so. */
  memberLeft?(member: GroupMemberReport): void;
  /** It ended without a word or does not answer; `items` it had are tried elsewhere. */
  memberLost?(member: GroupMemberReport, cause: string, items: number): void;
  /** It cannot run a pipeline. */
  planRefused?(member: GroupMemberReport, pipeline: string, reason: string): void;
  /** An item went to a process of the group. */
  sent?(group: string): void;
}

/** One HTTP request as far as it is known. */
export interface HttpExchange {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** What is shown of the path, where it holds what is nobody's business. */
  readonly shownPath?: string;
  /** The pattern of the address, such as `/v1/pipelines/:name`. */
  readonly route: string;
  readonly pipeline?: string;
  /** Name of the token it came with. */
  readonly token?: string;
  readonly error?: Error & { readonly code: ErrorCode };
}

/** Is told what a listener does. */
export interface HttpWatcher {
  started(): void;
  finished(exchange: HttpExchange, status: number, ms: number, peer: string | undefined): void;
}

/** Is told what becomes of events; must not throw. */
export interface EventWatcher {
  /** They were committed together, which took `ms`. */
  stored(events: readonly { readonly type: string }[], ms: number): void;
  /** They could not be kept. */
  lost(count: number): void;
  /** Messages with an event that were sent to subscribers. */
  delivered(count: number): void;
  /** Events that were left out for a subscriber that was too slow. */
  missed(count: number): void;
  /** How many subscriptions are open now. */
  subscribers(count: number): void;
}

/**
 * One engine watcher that tells all of them. What one of them throws reaches neither the engine nor the others: it goes
 * to `onError`.
 */
export function allEngineWatchers(
  watchers: readonly EngineWatcher[],
  onError: (error: unknown) => void,
): Required<EngineWatcher> {
  const tell = (call: (watcher: EngineWatcher) => void) => each(watchers, call, onError);
  return {
    item: (report) => tell((watcher) => watcher.item?.(report)),
    request: (report) => tell((watcher) => watcher.request?.(report)),
    refused: (pipeline, code) => tell((watcher) => watcher.refused?.(pipeline, code)),
    workerLost: (place, cause) => tell((watcher) => watcher.workerLost?.(place, cause)),
    pipelineChanged: (name, version, error) => tell((watcher) => watcher.pipelineChanged?.(name, version, error)),
  };
}

/** One group watcher that tells all of them, as {@link allEngineWatchers}. */
export function allGroupWatchers(
  watchers: readonly GroupWatcher[],
  onError: (error: unknown) => void,
): Required<GroupWatcher> {
  const tell = (call: (watcher: GroupWatcher) => void) => each(watchers, call, onError);
  return {
    memberJoined: (member) => tell((watcher) => watcher.memberJoined?.(member)),
    memberLeft: (member) => tell((watcher) => watcher.memberLeft?.(member)),
    memberLost: (member, cause, items) => tell((watcher) => watcher.memberLost?.(member, cause, items)),
    planRefused: (member, pipeline, reason) => tell((watcher) => watcher.planRefused?.(member, pipeline, reason)),
    sent: (group) => tell((watcher) => watcher.sent?.(group)),
  };
}

/** One HTTP watcher that tells all of them, as {@link allEngineWatchers}. */
export function allHttpWatchers(watchers: readonly HttpWatcher[], onError: (error: unknown) => void): HttpWatcher {
  return {
    started: () => each(watchers, (watcher) => watcher.started(), onError),
    finished: (exchange, status, ms, peer) =>
      each(watchers, (watcher) => watcher.finished(exchange, status, ms, peer), onError),
  };
}

function each<W>(watchers: readonly W[], call: (watcher: W) => void, onError: (error: unknown) => void): void {
  for (const watcher of watchers) {
    try {
      call(watcher);
    } catch (error) {
      onError(error);
    }
  }
}
