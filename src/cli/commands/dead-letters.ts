/** `facewire dead-letters`: work that was given up, looked at, run once more or thrown away. */
import { type Command, Option } from "commander";
import type { Finish } from "../program.ts";

/** Adds the command. */
export function addDeadLetters(program: Command, finish: Finish): void {
  const letters = program
    .command("dead-letters")
    .description("list, show, retry and discard work that was given up, in the database of data_dir");
  letters
    .command("list")
    .description("the newest letters")
    .option("--limit <count>", "most letters that are listed, 1 to 1000", "50")
    .option("--before <id>", "only letters recorded before this one")
    .option("--request <id>", "only letters of this request")
    .option("--json", "print JSON Lines, in the form of the API")
    .action(async (_options, command: Command) => {
      const { listLetters } = await import("../dead-letters/list.ts");
      finish(await listLetters(command.optsWithGlobals()));
    });
  letters
    .command("show")
    .description("all that is known of one letter, the server's own trace of the failure too")
    .argument("<id>", "id of the letter, see facewire dead-letters list")
    .option("--json", "as JSON, in the form of the API")
    .option("--input <file>", "write the picture that was kept with it into this file")
    .action(async (id: string, _options, command: Command) => {
      const { showLetter } = await import("../dead-letters/show.ts");
      finish(await showLetter(id, command.optsWithGlobals()));
    });
  letters
    .command("retry")
    .description("run the pictures of letters once more, in this process; exit 1 when one fails again")
    .argument("[ids...]", "ids of letters")
    .addOption(new Option("--all", "all letters with an input"))
    .option("--json", "print JSON Lines: one object a letter")
    .action(async (ids: string[], _options, command: Command) => {
      const { retryLetters } = await import("../dead-letters/retry.ts");
      finish(await retryLetters(ids, command.optsWithGlobals()));
    });
  letters
    .command("discard")
    .description("delete letters with what was kept of their pictures")
    .argument("[ids...]", "ids of letters")
    .option("--request <id>", "all letters of this request")
    .option("--all", "all letters")
    .action(async (ids: string[], _options, command: Command) => {
      const { discardLetters } = await import("../dead-letters/discard.ts");
      finish(await discardLetters(ids, command.optsWithGlobals()));
    });
}
