/** `facewire pipelines`: what there is to run, whether it is right, how it runs and whether it does what it promises. */
import type { Command } from "commander";
import { parameterOption } from "../pipelines/parameters.ts";
import type { Finish } from "../program.ts";

/** Adds the command. */
export function addPipelines(program: Command, finish: Finish): void {
  const pipelines = program.command("pipelines").description("list, check, explain and test pipelines");
  pipelines
    .command("list")
    .description("every pipeline with its stages")
    .action(async (_options, command: Command) => {
      const { listPipelines } = await import("../pipelines/list.ts");
      finish(await listPipelines(command.optsWithGlobals()));
    });
  pipelines
    .command("check")
    .description("check pipeline files: file:line:column of every problem; exit 1 when there is one")
    .argument("<files...>", "pipeline files, or all for those of the pipelines folder")
    .action(async (files: string[], _options, command: Command) => {
      const { checkPipelines } = await import("../pipelines/check.ts");
      finish(await checkPipelines(files, command.optsWithGlobals()));
    });
  addExplain(pipelines, finish);
  addExplain(program, finish);
  pipelines
    .command("test")
    .description("run the *.test.yaml files of the pipelines folder; exit 1 when one fails")
    .argument("[files...]", "names of pipelines, or test files (default: all of the folder)")
    .action(async (files: string[], _options, command: Command) => {
      const { testPipelines } = await import("../pipelines/test.ts");
      finish(await testPipelines(files, command.optsWithGlobals()));
    });
}

/** `explain`, under `pipelines` and, because it is asked for often, on its own. */
function addExplain(parent: Command, finish: Finish): void {
  parent
    .command("explain")
    .description(
      "the plan of a pipeline: parts each stage reads and writes, models, what crosses the bus, and the cost measured here",
    )
    .argument("<pipeline>", "name of a pipeline")
    .option("--picture <files...>", "pictures to measure with (default: a sample photo that comes with the project)")
    .addOption(parameterOption())
    .option("--runs <count>", "how often the pictures are run; 0 shows the plan without measuring", "20")
    .action(async (name: string, _options, command: Command) => {
      const { explainPipeline } = await import("../pipelines/explain.ts");
      finish(await explainPipeline(name, command.optsWithGlobals()));
    });
}
