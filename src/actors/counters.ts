/** What actors count about themselves, for a metrics layer to read. */
import { DROP_REASONS, type DropReason } from "./actor.ts";

/**
 * Counts of one kind of actor since the system began, and two that are of now. Every received message ends as one of
 * handled, refused, rejected, given up or dropped; until then it waits or is in hand.
 */
export interface ActorCounters {
  /** Offered to a mailbox, accepted or not. */
  received: number;
  /** Handled to a reply or to the end. */
  handled: number;
  /** Answered with an error that is the message's own fault. */
  refused: number;
  /** Turned away before a mailbox took it: full, draining or not of the right form. */
  rejected: number;
  /** Failed on too often. */
  givenUp: number;
  readonly dropped: Record<DropReason, number>;
  /** Dead letters written, for whichever reason. */
  deadLetters: number;
  /** Times a handler failed, repeats counted. */
  failed: number;
  /** Instances that were replaced. */
  restarts: number;
  /** Dead letters the sink did not take. */
  lostLetters: number;
  /** Now: actors of this kind. */
  actors: number;
  /** Now: messages in their mailboxes. */
  waiting: number;
}

/** Counters with nothing counted. */
export function createCounters(): ActorCounters {
  return {
    received: 0,
    handled: 0,
    refused: 0,
    rejected: 0,
    givenUp: 0,
    dropped: Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>,
    deadLetters: 0,
    failed: 0,
    restarts: 0,
    lostLetters: 0,
    actors: 0,
    waiting: 0,
  };
}
