/** How parts of the server say what happened. */
import type { AccountEventData, AccountEventType, EventData, EventType, Verdict } from "./catalog.ts";

/** Where a frame is in its video, as results have it. */
export interface EventFrame {
  /** Position of the video in its request or job. */
  readonly file: number;
  /** Among all decoded frames. */
  readonly number: number;
  readonly time_s: number;
}

/** What an event is about. */
export interface EventSubject {
  readonly pipeline?: string;
  /** Id of the request. */
  readonly request?: string;
  /** Id of the job. */
  readonly job?: string;
  /** Position of the item in its request or job. */
  readonly item?: number;
  readonly frame?: EventFrame;
  readonly verdict?: Verdict;
  /**
   * Names the fact among all facts. A second event of the same key is not stored: for facts that may be told twice, such
   * as a frame that is run again after a restart. Request ids alone are no names: callers choose them, and may repeat them.
   */
  readonly key?: string;
}

/** An event of the server as it is told. */
type ServerEvent = {
  [T in EventType]: EventSubject & { readonly type: T; readonly data: EventData<T> };
}[EventType];

/** An event that belongs to an account: only its own subscribers are shown it. */
export interface AccountEvent extends EventSubject {
  readonly type: AccountEventType;
  /** Id of the account. */
  readonly account: string;
  /** Kept with its members in this order. */
  readonly data: AccountEventData;
}

/** An event as it is told. */
export type NewEvent = ServerEvent | AccountEvent;

/** Takes events. */
export interface EventRecorder {
  /**
   * Stores events, in their order and then publishes them. Resolves when they are committed, so that whoever is answered
   * afterwards finds them. Never rejects and never holds anybody up for long: while the database cannot be used it
   * resolves at once, the events wait in memory within bounds, and those that cannot be kept are counted as lost.
   *
   * @returns whether all of them are stored; else they wait or are lost, and a process that ends now takes them along
   */
  record(events: readonly NewEvent[]): Promise<boolean>;
  /** Resolves when everything told so far is stored or lost, however long the database is away. */
  settled(): Promise<void>;
}
