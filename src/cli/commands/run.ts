/** `facewire run`: pictures from files and folders through a pipeline, in this process, without a server. */
import { type Command, Option } from "commander";
import { FacewireError } from "../../errors.ts";
import type { ModelCard } from "../../inference/card.ts";
import type { Engine, ItemResult } from "../../pipeline/results.ts";
import { note } from "../output.ts";
import type { Finish, GlobalOptions } from "../program.ts";
import { startProgress } from "../progress.ts";
import { EXIT } from "../report.ts";
import type { Sink } from "../run/sinks.ts";
import { settingsOf } from "../settings.ts";
import { listenForStop } from "../stop-signal.ts";

interface RunOptions extends GlobalOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly draw?: string;
  readonly explain?: boolean;
  readonly exif?: boolean;
  readonly aggregate?: boolean;
  readonly deadline?: string;
}

/** Pictures in hand for each worker: one is computed while the next is decoded, and another waits to follow at once. */
const PICTURES_PER_WORKER = 3;

/** Adds the command. */
export function addRun(program: Command, finish: Finish): void {
  program
    .command("run")
    .description("run pictures through a pipeline and print what was found")
    .argument("<pipeline>", "name of a pipeline, see facewire pipelines list")
    .argument("<paths...>", "pictures, and folders that are read to the bottom")
    .addOption(new Option("--json", "print JSON Lines: one object a picture").conflicts("csv"))
    .addOption(new Option("--csv", "print CSV: a heading, then one row a face").conflicts("aggregate"))
    .option("--draw <dir>", "write each picture as JPEG with boxes, landmarks and verdicts into this folder")
    .option("--explain", "show what each stage did, how long it took and why")
    .option("--exif", "add the pictures' EXIF fields (JSON only)")
    .option("--aggregate", "run all pictures as one request and print the pipeline's aggregate over them")
    .option("--deadline <time>", "longest time for a picture, such as 2s (default: the pipeline's)")
    .addHelpText("after", "\nExit code: 0 all pictures ran, 1 some failed, 2 wrong words, 130 ended by Ctrl-C.")
    .action(async (pipeline: string, paths: string[], _options, command: Command) =>
      finish(await run(pipeline, paths, command.optsWithGlobals())),
    );
}

async function run(pipeline: string, paths: readonly string[], options: RunOptions): Promise<number> {
  const settings = await settingsOf(options);
  const deadlineMs = options.deadline === undefined ? undefined : await deadlineOf(options.deadline);
  const { findPictures, skippedText } = await import("../run/find-pictures.ts");
  const { pictures, skipped } = await findPictures(paths);
  const skippedLine = skippedText(skipped);
  if (skippedLine !== undefined) note(skippedLine);
  if (pictures.length === 0) throw new FacewireError("usage", "There is no picture at the paths named.");
  const { drawnPaths, writeDrawn } = await import("../run/drawn.ts");
  const drawn = options.draw === undefined ? undefined : await drawnPaths(pictures, options.draw);

  const { openLocalEngine } = await import("../local-engine.ts");
  const stop = listenForStop();
  const local = await openLocalEngine(settings);
  const { runEach, runTogether } = await import("../run/run-pictures.ts");
  const { Tally } = await import("../run/tally.ts");
  try {
    const sink = await sinkFor(options, local.engine, pipeline, (name) => local.catalog.get(name));
    const tally = new Tally();
    const progress = startProgress({ label: pipeline, unit: "pictures", total: pictures.length });
    const onResult = async (item: ItemResult): Promise<void> => {
      const path = drawn?.[item.index];
      if (path !== undefined && item.drawn !== undefined) await writeDrawn(path, item.drawn);
      await progress.aside(() => sink.item(item));
      tally.add(item);
      progress.update(tally.total);
    };
    const work = {
      engine: local.engine,
      pictures,
      maxBytes: settings.pictures.max_bytes,
      signal: stop.signal,
      onResult,
      wishes: {
        pipeline,
        explain: options.explain === true,
        draw: drawn !== undefined,
        exif: options.exif === true,
        ...(deadlineMs === undefined ? {} : { deadlineMs }),
      },
    };
    try {
      await sink.begin();
      if (options.aggregate) {
        const result = await runTogether(work);
        await progress.aside(() => sink.aggregate(result.aggregate));
      } else {
        await runEach({ ...work, concurrency: local.workers * PICTURES_PER_WORKER });
      }
    } catch (thrown) {
      if (!stop.signal.aborted) throw thrown;
    } finally {
      progress.stop();
    }
    note(tally.text());
    if (stop.signal.aborted) {
      note(`stopped after ${tally.total} of ${pictures.length}`);
      return EXIT.interrupted;
    }
    return tally.failed === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    await local.close();
    stop.dispose();
  }
}

async function sinkFor(
  options: RunOptions,
  engine: Engine,
  pipeline: string,
  card: (name: string) => ModelCard,
): Promise<Sink> {
  // Also where the printed form does not need the plan: an unknown pipeline is told before anything is run.
  const { plan } = engine.pipeline(pipeline);
  const { csvSink, jsonSink, textSink } = await import("../run/sinks.ts");
  if (options.json) return jsonSink;
  if (!options.csv) return textSink;
  return csvSink(
    plan.nodes.flatMap((node) => node.writes),
    [...new Set(plan.nodes.flatMap((node) => node.models))].map(card),
  );
}

async function deadlineOf(text: string): Promise<number> {
  const { parseDuration } = await import("../../settings/units.ts");
  const ms = parseDuration(text);
  if (ms > 0) return ms;
  throw new FacewireError("usage", `--deadline ${text} is not a time such as 500ms, 2s or 1m.`);
}
