/** `facewire bench`: measures this machine. The measuring itself is in `bench/`. */
import { join } from "node:path";
import type { Command } from "commander";
import { PROJECT_DIR } from "../../settings/load.ts";
import type { Finish } from "../program.ts";
import { EXIT } from "../report.ts";

/** Adds the command. */
export function addBench(program: Command, finish: Finish): void {
  program
    .command("bench")
    .description("measure how fast pipelines run on this machine, next to the hardware's limit")
    .argument("[words...]", "options of the benchmark, see facewire bench --help")
    // The benchmark reads its own options, --help among them.
    .helpOption(false)
    .allowUnknownOption()
    .action(async (words: string[]) => finish(await bench(words)));
}

/** In a process of its own: what this one has loaded must not be part of what is measured. */
async function bench(words: readonly string[]): Promise<number> {
  const child = Bun.spawn([process.execPath, join(PROJECT_DIR, "bench/run.ts"), ...words], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  const code = await child.exited;
  return code === 0 ? EXIT.ok : EXIT.failed;
}
