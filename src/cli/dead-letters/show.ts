/** `facewire dead-letters show`. */
import { writeFile } from "node:fs/promises";
import { DeadLetterDesk } from "../../dead-letters/desk.ts";
import { deadLetterJson } from "../../dead-letters/json.ts";
import { FacewireError } from "../../errors.ts";
import type { DeadLetterInput } from "../../store/dead-letter-inputs.ts";
import type { StoredDeadLetter } from "../../store/dead-letters.ts";
import { withStore } from "../local-store.ts";
import { note, printLine } from "../output.ts";
import type { GlobalOptions } from "../program.ts";
import { EXIT } from "../report.ts";
import { bytesText } from "../units.ts";

interface ShowOptions extends GlobalOptions {
  readonly json?: boolean;
  readonly input?: string;
}

/** Prints one letter, and writes its input where one is asked for. */
export async function showLetter(id: string, options: ShowOptions): Promise<number> {
  const { letter, input } = await withStore(options, async (store) => {
    const desk = new DeadLetterDesk(store.deadLetters);
    return {
      letter: await desk.show(id),
      input: options.input === undefined ? undefined : await desk.input(id),
    };
  });
  if (options.json) {
    await printLine(JSON.stringify({ ...deadLetterJson(letter), internal: letter.internal }, undefined, 2));
  } else {
    for (const line of letterLines(letter)) await printLine(line);
  }
  if (options.input !== undefined && input !== undefined) await writeInput(options.input, input);
  return EXIT.ok;
}

/** Readable for this user only: it may show a face. */
async function writeInput(path: string, { bytes }: DeadLetterInput): Promise<void> {
  try {
    await writeFile(path, bytes, { mode: 0o600 });
  } catch (cause) {
    throw new FacewireError("file_unwritable", `The input could not be written to ${path}.`, { cause });
  }
  note(`input written to ${path}`);
}

function letterLines(letter: StoredDeadLetter): string[] {
  const { id, time, pipeline, stage, error, attempts, request, index, input, retried_at, retrying_until } =
    deadLetterJson(letter);
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["id", id],
    ["time", time],
    ["from", letter.address],
    ["pipeline", pipeline],
    ["stage", stage],
    ["cause", `${error.code}: ${error.message}`],
    ["tries", String(attempts)],
    ["request", index === undefined ? request : `${request ?? ""} item ${index}`],
    ["work", letter.summary],
    ["input", input === null ? "not kept" : `${input.name} (${bytesText(input.size)})`],
    ["retried", retried_at],
    ["in retry", retrying_until && `until ${retrying_until} at most`],
  ];
  const known = facts.filter((fact): fact is readonly [string, string] => fact[1] !== undefined);
  const lines = known.map(([name, value]) => `${name.padEnd(9)} ${value}`);
  if (letter.internal !== "") lines.push("", ...letter.internal.split("\n"));
  return lines;
}
