/** Runs work that was given up once more, from the input that was kept with its dead letter. */
import { ulid } from "ulid";
import type { DeadLetter, DeadLetterSink } from "../actors/dead-letters.ts";
import type { PublicError } from "../errors.ts";
import type { Engine, RunRequest, RunResult } from "../pipeline/results.ts";
import { runError } from "../pipeline/run-error.ts";
import type { DeadLetters } from "../store/dead-letters.ts";
import { busy, unknown, withoutInput } from "./refusals.ts";

/** What a retry came to. */
export interface RetryOutcome {
  /** The answer of the run; its `request` is the run's own id, as in logs and events. */
  readonly result: RunResult;
  /** Why it failed again; the letter stays then. Without it the letter is gone. */
  readonly error: PublicError | undefined;
  /** Tries so far, those of this retry included. */
  readonly attempts: number;
}

/** What belongs to the call and not to the work. */
export type RetryCall = Pick<RunRequest, "signal" | "traceparent">;

/** A claim outlives the run's deadline by this many milliseconds: for reading the input and for noting the outcome. */
const CLAIM_MARGIN = 60_000;

/** The retries of one process. */
export class DeadLetterRetries {
  readonly #letters: DeadLetters;
  readonly #now: () => number;
  /** What runs under way gave up, by the id of the run. */
  readonly #underWay = new Map<string, DeadLetter | undefined>();

  /** @param now epoch milliseconds */
  constructor(letters: DeadLetters, now: () => number = Date.now) {
    this.#letters = letters;
    this.#now = now;
  }

  /** A sink in front of `behind` that keeps back what retries give up: their letters are there already. */
  sink(behind: DeadLetterSink): DeadLetterSink {
    return {
      record: (letter) => {
        const { requestId } = letter;
        if (requestId === undefined || !this.#underWay.has(requestId)) return behind.record(letter);
        this.#underWay.set(requestId, letter);
      },
    };
  }

  /**
   * Runs a letter's input through its pipeline with what its request had asked for. Succeeds: the letter is deleted.
   * Fails: it stays and counts the tries. Rejects when nothing was tried: `dead_letter_unknown`,
   * `dead_letter_without_input`, `dead_letter_busy`, and as `Engine.run` does. `engine` has to report to {@link sink}.
   */
  async retry(engine: Engine, id: string, call: RetryCall = {}): Promise<RetryOutcome> {
    const letter = await this.#letters.get(id);
    if (!letter) throw unknown();
    const { pipeline } = letter;
    if (pipeline === undefined || letter.input === undefined) throw withoutInput(letter);
    const claim = await this.#letters.claim(id, engine.pipeline(pipeline).limits.deadline_ms + CLAIM_MARGIN);
    if (claim === undefined) throw busy(await this.#letters.get(id));
    const run = ulid();
    this.#underWay.set(run, undefined);
    try {
      const input = await this.#letters.input(id);
      if (!input) throw withoutInput(letter);
      const files = [{ name: input.name, bytes: input.bytes }];
      const result = await engine.run({ ...input.wishes, ...call, id: run, pipeline, files });
      const error = runError(result.items);
      if (error === undefined) {
        await this.#letters.retrySucceeded(claim);
        return { result, error, attempts: letter.attempts + 1 };
      }
      const given = this.#underWay.get(run);
      const attempts = given?.attempts ?? 1;
      await this.#letters.retryFailed(claim, { cause: error, internal: given?.internal, attempts, time: this.#now() });
      return { result, error, attempts: letter.attempts + attempts };
    } catch (thrown) {
      // Where even this fails the claim ends by itself; what was thrown first says more.
      await this.#letters.release(claim).catch(() => undefined);
      throw thrown;
    } finally {
      this.#underWay.delete(run);
    }
  }
}
