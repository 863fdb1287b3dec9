/** `facewire doctor`: what is missing, and the command that mends it. */
import type { Command } from "commander";
import type { Finding } from "../doctor/finding.ts";
import { printLine } from "../output.ts";
import type { Finish, GlobalOptions } from "../program.ts";
import { EXIT } from "../report.ts";

/** Adds the command. */
export function addDoctor(program: Command, finish: Finish): void {
  program
    .command("doctor")
    .description("look at everything the server needs, and name the command that mends what is missing; exit 1 then")
    .action(async (_options, command: Command) => finish(await doctor(command.optsWithGlobals())));
}

async function doctor(options: GlobalOptions): Promise<number> {
  const { checksFor } = await import("../doctor/checks.ts");
  let missing = 0;
  for await (const { name, finding } of checksFor(options)) {
    if (finding.state === "missing") missing++;
    for (const line of findingLines(name, finding)) await printLine(line);
  }
  await printLine(missing === 0 ? "Nothing is missing." : `${missing} missing.`);
  return missing === 0 ? EXIT.ok : EXIT.failed;
}

function findingLines(name: string, finding: Finding): string[] {
  const lines = [`${finding.state.padEnd(8)} ${name.padEnd(18)} ${finding.detail}`];
  if (finding.state !== "ok") lines.push(`${" ".repeat(27)} mend: ${finding.mend}`);
  return lines;
}
