/** `facewire dead-letters list`. */
import { DeadLetterDesk } from "../../dead-letters/desk.ts";
import { deadLetterJson } from "../../dead-letters/json.ts";
import { FacewireError } from "../../errors.ts";
import { withStore } from "../local-store.ts";
import { note, printLine } from "../output.ts";
import type { GlobalOptions } from "../program.ts";
import { EXIT } from "../report.ts";
import { table } from "../table.ts";
import { bytesText, minuteText } from "../units.ts";

interface ListOptions extends GlobalOptions {
  readonly limit: string;
  readonly before?: string;
  readonly request?: string;
  readonly json?: boolean;
}

/** Prints a page of letters, newest first. */
export async function listLetters(options: ListOptions): Promise<number> {
  const { limit, before, request } = options;
  if (!/^[1-9][0-9]{0,2}$|^1000$/.test(limit)) {
    throw new FacewireError("usage", `--limit ${limit} is not a whole number from 1 to 1000.`);
  }
  const { letters, next } = await withStore(options, (store) =>
    new DeadLetterDesk(store.deadLetters).list({
      limit: Number(limit),
      ...(before === undefined ? {} : { before }),
      ...(request === undefined ? {} : { requestId: request }),
    }),
  );
  if (options.json) {
    for (const letter of letters) await printLine(JSON.stringify(deadLetterJson(letter)));
  } else {
    const rows = letters.map((letter) => {
      const { pipeline, stage, error, input } = deadLetterJson(letter);
      return [
        letter.id,
        minuteText(letter.time),
        pipeline ?? letter.address,
        stage ?? "",
        error.code,
        String(letter.attempts),
        letter.requestId ?? "",
        input === null ? "not kept" : `${input.name} (${bytesText(input.size)})`,
      ];
    });
    const heading = ["id", "time", "pipeline", "stage", "cause", "tries", "request", "input"];
    for (const line of table(heading, rows)) await printLine(line);
  }
  if (next !== undefined) note(`More follow: facewire dead-letters list --before ${next}`);
  return EXIT.ok;
}
