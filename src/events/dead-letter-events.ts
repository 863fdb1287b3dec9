/** Tells of each dead letter that was kept. */
import type { DeadLetters } from "../store/dead-letters.ts";
import { plainError } from "./item-events.ts";
import type { EventRecorder } from "./recorder.ts";

/** The repository's way in, telling the recorder what went through it. */
export function tellingDeadLetters(
  letters: Pick<DeadLetters, "record">,
  recorder: EventRecorder,
): Pick<DeadLetters, "record"> {
  return {
    async record(letter, input) {
      const id = await letters.record(letter, input);
      const { pipeline, requestId, sequence, address, kind, cause, attempts } = letter;
      // Not waited for: who gave up the work has to answer, and its request's own end is stored after this.
      void recorder.record([
        {
          type: "dead_letter.created",
          ...(pipeline === undefined ? {} : { pipeline }),
          ...(requestId === undefined ? {} : { request: requestId }),
          ...(sequence === undefined ? {} : { item: sequence }),
          data: { dead_letter: id, address, kind, error: plainError(cause), attempts },
        },
      ]);
      return id;
    },
  };
}
