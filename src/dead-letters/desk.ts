/** What can be done with dead letters, for the API and the command line alike. */
import type { DeadLetterInput } from "../store/dead-letter-inputs.ts";
import type { DeadLetterFilter, DeadLetterPage, DeadLetters, StoredDeadLetter } from "../store/dead-letters.ts";
import { busy, unknown, withoutInput } from "./refusals.ts";

/** Looks letters up and throws them away. Every method rejects with `store_unavailable` when the database fails. */
export class DeadLetterDesk {
  readonly #letters: DeadLetters;

  constructor(letters: DeadLetters) {
    this.#letters = letters;
  }

  /** A page, newest first; `next` is the `before` of the page behind it. */
  list(page: DeadLetterPage): ReturnType<DeadLetters["list"]> {
    return this.#letters.list(page);
  }

  /** One letter. Rejects with `dead_letter_unknown`. */
  async show(id: string): Promise<StoredDeadLetter> {
    const letter = await this.#letters.get(id);
    if (!letter) throw unknown();
    return letter;
  }

  /** The input of a letter. Rejects with `dead_letter_unknown` or `dead_letter_without_input`. */
  async input(id: string): Promise<DeadLetterInput> {
    const input = await this.#letters.input(id);
    if (!input) throw withoutInput(await this.show(id));
    return input;
  }

  /** Deletes a letter with its input. Rejects with `dead_letter_unknown`, or `dead_letter_busy` while it is retried. */
  async discard(id: string): Promise<void> {
    if (!(await this.#letters.delete(id))) throw busy(await this.#letters.get(id));
  }

  /** Deletes many letters; those that are being retried stay. Returns how many were deleted. */
  discardMany(filter: DeadLetterFilter): Promise<number> {
    return this.#letters.deleteMany(filter);
  }
}
