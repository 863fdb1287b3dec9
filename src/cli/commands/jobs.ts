/** `facewire jobs`: long work on a running server. */
import { type Command, Option } from "commander";
import { parameterOption } from "../pipelines/parameters.ts";
import type { Finish } from "../program.ts";

/** Adds the command. */
export function addJobs(program: Command, finish: Finish): void {
  const jobs = program.command("jobs").description("hand long work in to a running server, watch it, read its results");
  const add = (name: string, description: string) =>
    jobs
      .command(name)
      .description(description)
      .option("--url <address>", "address of the server (default: listen.native of the settings)")
      .addOption(new Option("--token <token>", "access token of the server").conflicts("tokenFile"))
      .option("--token-file <file>", "file that holds the access token");
  add("submit", "hand in files; prints the job's id")
    .argument("<pipeline>", "name of a pipeline of the server")
    .argument("<paths...>", "pictures, videos, and folders that are read to the bottom")
    .addOption(new Option("--rate <n>", "frames analysed for each second of video").conflicts("every"))
    .option("--every <n>", "analyse every n-th frame of videos")
    .addOption(parameterOption())
    .option("--explain", "keep with each result what each stage did")
    .option("--exif", "add the pictures' EXIF fields")
    .option("--key <key>", "idempotency key: the same files under the same key are the same job (default: a new one)")
    .option("--wait", "wait until the job has ended")
    .option("--json", "print the job as JSON")
    .addHelpText("after", "\nExit code: 0 handed in (with --wait: completed), 1 it failed, 2 wrong words, 130 Ctrl-C.")
    .action(async (pipeline: string, paths: string[], _options, command: Command) => {
      const { submitJob } = await import("../jobs/submit.ts");
      finish(await submitJob(pipeline, paths, command.optsWithGlobals()));
    });
  add("list", "the newest jobs")
    .option("--limit <count>", "most jobs that are listed, 1 to 1000", "50")
    .option("--before <id>", "only jobs older than this one")
    .option("--state <state>", "only jobs in this state: waiting, running, completed, failed, cancelled")
    .option("--pipeline <name>", "only jobs of this pipeline")
    .option("--json", "print JSON Lines, in the form of the API")
    .action(async (_options, command: Command) => {
      const { listJobs } = await import("../jobs/look.ts");
      finish(await listJobs(command.optsWithGlobals()));
    });
  add("show", "all that is known of a job")
    .argument("<id>", "id of the job, see facewire jobs list")
    .option("--json", "as JSON, in the form of the API")
    .action(async (id: string, _options, command: Command) => {
      const { showJob } = await import("../jobs/look.ts");
      finish(await showJob(id, command.optsWithGlobals()));
    });
  add("results", "the results of a job, in the order of its pictures and frames")
    .argument("<id>", "id of the job")
    .option("--after <index>", "only results behind this one")
    .option("--follow", "also those that are still to come, until the job has ended")
    .option("--json", "print JSON Lines: one object a picture or frame")
    .action(async (id: string, _options, command: Command) => {
      const { jobResults } = await import("../jobs/results.ts");
      finish(await jobResults(id, command.optsWithGlobals()));
    });
  add("wait", "show a job's progress until it has ended, and its aggregate; exit 1 when it failed")
    .argument("<id>", "id of the job")
    .option("--json", "print the ended job as JSON")
    .action(async (id: string, _options, command: Command) => {
      const { waitForJob } = await import("../jobs/wait.ts");
      finish(await waitForJob(id, command.optsWithGlobals()));
    });
  add("cancel", "end a job that waits or runs; its results so far stay")
    .argument("<id>", "id of the job")
    .action(async (id: string, _options, command: Command) => {
      const { cancelJob } = await import("../jobs/look.ts");
      finish(await cancelJob(id, command.optsWithGlobals()));
    });
}
