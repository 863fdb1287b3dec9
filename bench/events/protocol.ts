/** What the benchmark says to the process that subscribes to events. */

export type SubscribersOrder =
  /**
   * Opens this many WebSockets with the filters of `told.ts`, or with a token of the LUNA API those of `luna-told.ts`;
   * answered when all have begun.
   */
  | { readonly type: "subscribe"; readonly url: string; readonly count: number; readonly token?: string }
  /** Opens this many WebSockets of the LUNA API and closes each when it is open; answered when all are closed. */
  | { readonly type: "pass"; readonly url: string; readonly count: number; readonly token: string }
  /** Waits until everybody has what was told, events `from` up to `to`, or some seconds; then begins anew. */
  | { readonly type: "report"; readonly from: number; readonly to: number };

/** What came to all subscribers together. */
export interface DeliveryReport {
  readonly deliveries: number;
  /** Events that somebody should have got and did not. */
  readonly missing: number;
  /** Events that somebody got twice, unasked, or behind a later one. */
  readonly wrong: number;
  /** Milliseconds from the event's own time until it was read here. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly mostMs: number;
}

/** Answers to the orders, in their order; `ready` comes first by itself. */
export interface SubscribersAnswers {
  readonly ready: object;
  readonly subscribe: object;
  readonly pass: object;
  readonly report: DeliveryReport;
}
