/** Where the scheduler brings items: the inference workers of this process, or the processes of a group. */
import type { ErrorCode } from "../errors.ts";
import type { ItemOutcome, ItemTask } from "./protocol.ts";

/** An item in the hands of somebody who works on it. */
export interface RunningItem {
  readonly task: Omit<ItemTask, "slot">;
  readonly priority: number;
  /** Whether nothing else may be in the same hands beside it, because it may have been what ended one before. */
  readonly alone: boolean;
  /** `inHand`: how many items shared the thread that had it, this one included. */
  onOutcome(outcome: ItemOutcome, inHand: number): void;
  /** Whoever had the item ended without a word. */
  onLost(cause: string): void;
}

/** See the file's head. */
export interface WorkPlaces {
  /** Threads that compute side by side. */
  readonly width: number;
  /** Whether anybody has a free hand at all. */
  readonly anyRoom: boolean;
  /** Whether somebody could take an item of this plan now; with `alone`, one that has nothing in hand. */
  hasRoom(key: string, alone: boolean): boolean;
  /** Whether anybody can run the plan. */
  holds(key: string): boolean;
  /** Keys of the plans of all items in hand; those that wait for a pool are not. */
  inHand(): Iterable<string>;
  /** Hands an item over. Throws when {@link hasRoom} is false. */
  run(item: RunningItem): void;
  /** Asks for an item to be given up at its next checkpoint; its outcome still comes. */
  cancel(id: string): void;
}

/** Codes after which another try could go better, so that an item is not given up at once. */
export const WORTH_RETRYING: ReadonlySet<ErrorCode> = new Set(["stage_failed", "worker_failed"]);

/** Codes of failures that are not the caller's doing: what fails with them is kept as a dead letter. */
export const BURIED: ReadonlySet<ErrorCode> = new Set([...WORTH_RETRYING, "message_invalid", "message_too_large"]);
