/** The command tree. What a command needs is imported when it runs, so that each starts fast. */
import { Command, CommanderError } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { addAccounts } from "./commands/accounts.ts";
import { addBench } from "./commands/bench.ts";
import { addConfig } from "./commands/config.ts";
import { addDeadLetters } from "./commands/dead-letters.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addJobs } from "./commands/jobs.ts";
import { addModels } from "./commands/models.ts";
import { addPipelines } from "./commands/pipelines.ts";
import { addRun } from "./commands/run.ts";
import { addServe } from "./commands/serve.ts";
import { addTokens } from "./commands/tokens.ts";
import { addUp } from "./commands/up.ts";
import { flush, note } from "./output.ts";
import { EXIT, errorLines, exitCodeOf } from "./report.ts";

/** Options every command takes. */
export interface GlobalOptions {
  /** Settings file; `config/facewire.yaml` of the project when absent. */
  readonly config?: string;
  readonly verbose?: boolean;
}

/** Takes what a command ends with. */
export type Finish = (exitCode: number) => void;

/** Adds a command to the tree. */
export type AddCommand = (program: Command, finish: Finish) => void;

const COMMANDS: readonly AddCommand[] = [
  addUp,
  addServe,
  addRun,
  addJobs,
  addPipelines,
  addModels,
  addTokens,
  addAccounts,
  addDeadLetters,
  addConfig,
  addDoctor,
  addBench,
];

/** Runs one command line (without the program's own name) and resolves with its exit code. Never rejects. */
export async function runCli(words: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = new Command("facewire")
    .description("Feeds pictures through named face pipelines: detection, quality, liveness, descriptors.")
    .version(manifest.version)
    .option("-c, --config <file>", "settings file (default: config/facewire.yaml)")
    .option("-v, --verbose", "show where an error comes from")
    .showHelpAfterError("See facewire --help, or facewire help <command>.")
    .exitOverride();
  program.configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "error usage: ")) });
  for (const add of COMMANDS) add(program, (code) => (exitCode = code));
  try {
    await program.parseAsync([...words], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    } else {
      for (const line of errorLines(error, program.opts<GlobalOptions>().verbose === true)) note(line);
      exitCode = exitCodeOf(error);
    }
  }
  // What could not be written was told already; this only waits.
  await flush().catch(() => undefined);
  return exitCode;
}
