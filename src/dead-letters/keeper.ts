/** Hands work that was given up to the store, with its input where the settings allow that to be kept. */
import type { DeadLetter, DeadLetterSink } from "../actors/dead-letters.ts";
import type { RetryWishes } from "../store/dead-letter-inputs.ts";
import type { DeadLetters, KeptInput } from "../store/dead-letters.ts";

/** What of the inputs may be kept: `dead_letters` of the settings. */
export interface InputRules {
  readonly keep_inputs: boolean;
  /** Bytes. */
  readonly max_input: number;
  /** Bytes. */
  readonly inputs_total: number;
}

/** Body of a letter about a picture or a frame. Messages of other kinds have bodies that nothing could run again. */
interface ItemBody {
  readonly pipeline: string;
  readonly name: string;
  readonly bytes?: Uint8Array;
  readonly wishes?: RetryWishes;
}

/** The sink that keeps letters in the store. `now`: when they are kept (epoch milliseconds), where not as they say. */
export function deadLetterKeeper(
  letters: Pick<DeadLetters, "record">,
  rules: InputRules,
  now?: () => number,
): DeadLetterSink {
  return {
    async record(letter: DeadLetter) {
      const { body, ...rest } = letter;
      const item = isItemBody(body) ? body : undefined;
      const time = now?.() ?? letter.time;
      await letters.record({ ...rest, time, pipeline: item?.pipeline }, item && inputOf(item, rules));
    },
  };
}

function inputOf({ name, bytes, wishes = {} }: ItemBody, rules: InputRules): KeptInput | undefined {
  if (!rules.keep_inputs || bytes === undefined || bytes.byteLength > rules.max_input) return undefined;
  return { name, bytes, wishes, mostInAll: rules.inputs_total };
}

function isItemBody(body: unknown): body is ItemBody {
  if (typeof body !== "object" || body === null) return false;
  const { pipeline, name, bytes } = body as Record<string, unknown>;
  const sendable = bytes === undefined || bytes instanceof Uint8Array;
  return typeof pipeline === "string" && typeof name === "string" && sendable;
}
