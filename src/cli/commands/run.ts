/** `facewire run`: pictures and videos from files and folders through a pipeline, in this process, without a server. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { FacewireError } from "../../errors.ts";
import type { ModelCard } from "../../inference/card.ts";
import type { FrameSampling } from "../../media/video/video.ts";
import type { Engine, ItemResult } from "../../pipeline/results.ts";
import { note } from "../output.ts";
import { parameterOption, parametersOf } from "../pipelines/parameters.ts";
import type { Finish, GlobalOptions } from "../program.ts";
import { startProgress } from "../progress.ts";
import { EXIT } from "../report.ts";
import type { FoundInput } from "../run/find-inputs.ts";
import type { Sink } from "../run/sinks.ts";
import { settingsOf } from "../settings.ts";
import { listenForStop } from "../stop-signal.ts";

interface RunOptions extends GlobalOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly draw?: string;
  readonly best?: string;
  readonly rate?: number;
  readonly every?: number;
  readonly explain?: boolean;
  readonly exif?: boolean;
  readonly aggregate?: boolean;
  readonly deadline?: string;
  readonly parameter?: readonly string[];
}

/** Pictures in hand for each worker: one is computed while the next is decoded, and another waits to follow at once. */
const PICTURES_PER_WORKER = 3;

/** Adds the command. */
export function addRun(program: Command, finish: Finish): void {
  program
    .command("run")
    .description("run pictures and videos through a pipeline and print what was found")
    .argument("<pipeline>", "name of a pipeline, see facewire pipelines list")
    .argument("<paths...>", "pictures, videos, and folders that are read to the bottom")
    .addOption(new Option("--json", "print JSON Lines: one object a picture or frame").conflicts("csv"))
    .addOption(new Option("--csv", "print CSV: a heading, then one row a face").conflicts("aggregate"))
    .option("--draw <dir>", "write each picture and frame as JPEG with boxes, landmarks and verdicts into this folder")
    .option("--best <dir>", "write the best frame of each video as JPEG into this folder")
    .addOption(
      new Option("--rate <n>", "frames analysed for each second of video (default: the pipeline's)")
        .argParser(frameRate)
        .conflicts("every"),
    )
    .addOption(new Option("--every <n>", "analyse every n-th frame of videos").argParser(positiveInteger))
    .option("--explain", "show what each stage did, how long it took and why")
    .option("--exif", "add the pictures' EXIF fields (JSON only)")
    .option("--aggregate", "run all pictures as one request and print the pipeline's aggregate over them")
    .addOption(parameterOption())
    .option("--deadline <time>", "longest time for a picture, such as 2s (default: the pipeline's)")
    .addHelpText("after", "\nExit code: 0 everything ran, 1 some failed, 2 wrong words, 130 ended by Ctrl-C.")
    .action(async (pipeline: string, paths: string[], _options, command: Command) =>
      finish(await run(pipeline, paths, command.optsWithGlobals())),
    );
}

async function run(pipeline: string, paths: readonly string[], options: RunOptions): Promise<number> {
  const settings = await settingsOf(options);
  const deadlineMs = options.deadline === undefined ? undefined : await deadlineOf(options.deadline);
  const { findInputs, inputsFor, skippedText } = await import("../run/find-inputs.ts");
  const found = await findInputs(paths);
  if (found.inputs.length === 0) throw new FacewireError("usage", "There is no picture or video at the paths named.");

  const { openLocalEngine } = await import("../local-engine.ts");
  const stop = listenForStop();
  const local = await openLocalEngine(settings);
  const { runInputs } = await import("../run/run-inputs.ts");
  const { runTogether } = await import("../run/run-pictures.ts");
  const { Tally } = await import("../run/tally.ts");
  const { bestPaths, drawnPaths, framePath, writeDrawn } = await import("../run/drawn.ts");
  try {
    const { accepts, parameters: declared } = local.engine.pipeline(pipeline);
    const parameters = parametersOf(options.parameter ?? [], declared);
    // Told once, and not for every picture.
    local.engine.admit(pipeline, parameters);
    const wanted = new Set(accepts.map((kind) => (kind === "image" ? ("picture" as const) : kind)));
    const { inputs, skipped } = inputsFor(found, wanted);
    const skippedLine = skippedText(skipped, wanted);
    if (skippedLine !== undefined) note(skippedLine);
    if (inputs.length === 0)
      throw new FacewireError("usage", `There is nothing at the paths named that ${pipeline} takes.`);
    const videos = inputs.filter(({ kind }) => kind === "video");
    const drawn = options.draw === undefined ? undefined : byInput(inputs, await drawnPaths(inputs, options.draw));
    const best =
      options.best === undefined ? undefined : byInput(videos, await bestPaths(videos, inputs, options.best));
    const sink = await sinkFor(options, local.engine, pipeline, (name) => local.catalog.get(name));
    const unit = unitOf(inputs);
    const tally = new Tally(unit);
    const progress = startProgress({ label: pipeline, unit: `${unit}s`, total: inputs.length });
    let total = inputs.length;
    const onResult = async (item: ItemResult, input: FoundInput): Promise<void> => {
      const path = drawn?.get(input);
      if (path !== undefined && item.drawn !== undefined) {
        await writeDrawn(item.frame ? framePath(path, item.frame.number) : path, item.drawn);
      }
      await progress.aside(() => sink.item(item));
      tally.add(item);
      total = Math.max(total, tally.total);
      progress.update(tally.total, total);
    };
    const wishes = {
      pipeline,
      parameters,
      explain: options.explain === true,
      draw: drawn !== undefined,
      exif: options.exif === true,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    };
    const common = { engine: local.engine, wishes, maxBytes: settings.pictures.max_bytes, signal: stop.signal };
    try {
      await sink.begin();
      if (options.aggregate) {
        refuseVideos(inputs);
        const result = await runTogether({
          ...common,
          pictures: inputs,
          onResult: (item) => onResult(item, inputs[item.index] as FoundInput),
        });
        await progress.aside(() => sink.aggregate(result.aggregate));
      } else {
        await runInputs({
          ...common,
          inputs,
          sampling: samplingOf(options),
          concurrency: local.workers * PICTURES_PER_WORKER,
          onTotal: (likely) => {
            total = likely;
          },
          onResult,
          onVideo: async (result, input) => {
            const path = best?.get(input);
            const frame = result.video.best_frame;
            if (path !== undefined && frame) await writeDrawn(path, Buffer.from(frame.data, "base64"));
            await progress.aside(() => sink.video(result));
          },
        });
      }
    } catch (thrown) {
      if (!stop.signal.aborted) throw thrown;
    } finally {
      progress.stop();
    }
    note(tally.text());
    if (stop.signal.aborted) {
      note(`stopped after ${tally.total} of ${total}`);
      return EXIT.interrupted;
    }
    return tally.failed === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    await local.close();
    stop.dispose();
  }
}

function byInput(inputs: readonly FoundInput[], paths: readonly string[]): ReadonlyMap<FoundInput, string> {
  return new Map(inputs.map((input, at) => [input, paths[at] as string]));
}

function unitOf(inputs: readonly FoundInput[]): "picture" | "frame" | "item" {
  if (inputs.every(({ kind }) => kind === "picture")) return "picture";
  return inputs.every(({ kind }) => kind === "video") ? "frame" : "item";
}

function samplingOf({ rate, every }: RunOptions): FrameSampling | undefined {
  if (rate !== undefined) return { rate };
  return every === undefined ? undefined : { every };
}

function refuseVideos(inputs: readonly FoundInput[]): void {
  const video = inputs.find(({ kind }) => kind === "video");
  if (!video) return;
  throw new FacewireError(
    "usage",
    `--aggregate is for pictures; ${video.name} is a video, which has its own aggregate.`,
  );
}

function frameRate(text: string): number {
  const value = Number(text);
  if (value >= 0.01 && value <= 240) return value;
  throw new InvalidArgumentError("It must be a number from 0.01 to 240.");
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 100_000) return value;
  throw new InvalidArgumentError("It must be a whole number from 1 to 100000.");
}

async function sinkFor(
  options: RunOptions,
  engine: Engine,
  pipeline: string,
  card: (name: string) => ModelCard,
): Promise<Sink> {
  // Also where the printed form does not need the plan: an unknown pipeline is told before anything is run.
  const { plan, accepts } = engine.pipeline(pipeline);
  const { csvSink, jsonSink, textSink } = await import("../run/sinks.ts");
  if (options.json) return jsonSink;
  if (!options.csv) return textSink;
  return csvSink(
    plan.nodes.flatMap((node) => node.writes),
    [...new Set(plan.nodes.flatMap((node) => node.models))].map(card),
    accepts.includes("video"),
  );
}

async function deadlineOf(text: string): Promise<number> {
  const { parseDuration } = await import("../../settings/units.ts");
  const ms = parseDuration(text);
  if (ms > 0) return ms;
  throw new FacewireError("usage", `--deadline ${text} is not a time such as 500ms, 2s or 1m.`);
}
