/** What a bus counts from its opening on. */
import type { BusStats } from "./bus.ts";

/** The counts of {@link BusStats} that only grow. */
export type BusCounts = {
  -readonly [K in Exclude<keyof BusStats, "subscriptions" | "pendingRequests" | "consumers">]: number;
};

/** All at zero. */
export function newCounts(): BusCounts {
  return {
    published: 0,
    delivered: 0,
    dropped: 0,
    handlerErrors: 0,
    requests: 0,
    answers: 0,
    refusals: 0,
    noReceiver: 0,
    deadlines: 0,
    cancelled: 0,
    unavailable: 0,
    malformed: 0,
    enqueued: 0,
    duplicates: 0,
    acknowledged: 0,
    redelivered: 0,
    deadLettered: 0,
  };
}
