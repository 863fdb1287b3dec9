/** Why a dead letter cannot be shown, retried or discarded. */
import { FacewireError } from "../errors.ts";
import type { StoredDeadLetter } from "../store/dead-letters.ts";

/** `dead_letter_unknown`. */
export function unknown(): FacewireError {
  return new FacewireError("dead_letter_unknown", "No dead letter has this id.");
}

/** `dead_letter_without_input`. */
export function withoutInput({ pipeline }: Pick<StoredDeadLetter, "pipeline">): FacewireError {
  const message =
    pipeline === undefined
      ? "The dead letter is about a message between parts of the server; it cannot be tried again."
      : "The input of the dead letter was not kept, so it cannot be tried again.";
  return new FacewireError("dead_letter_without_input", message);
}

/** `dead_letter_busy` for a letter that could not be taken; `dead_letter_unknown` when it is gone by now. */
export function busy(letter: StoredDeadLetter | undefined): FacewireError {
  if (!letter) return unknown();
  const { claimedUntil } = letter;
  return new FacewireError("dead_letter_busy", "The dead letter is being retried now.", {
    ...(claimedUntil === undefined ? {} : { details: { until: new Date(claimedUntil).toISOString() } }),
  });
}
