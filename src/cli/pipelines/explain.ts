/** `facewire pipelines explain`: the plan as text, with what each stage cost on this machine just now. */
import { basename } from "node:path";
import { FacewireError } from "../../errors.ts";
import { allowedText, type ParameterValues } from "../../pipeline/parameters.ts";
import type { Engine, PipelineDetail, PlanGraph } from "../../pipeline/results.ts";
import { openLocalEngine } from "../local-engine.ts";
import { printLine } from "../output.ts";
import type { GlobalOptions } from "../program.ts";
import { EXIT } from "../report.ts";
import { samplePicture } from "../sample.ts";
import { settingsOf } from "../settings.ts";
import { millisText, plural } from "../units.ts";
import { parametersOf } from "./parameters.ts";

interface ExplainOptions extends GlobalOptions {
  readonly picture?: readonly string[];
  readonly runs: string;
  readonly parameter?: readonly string[];
}

/** Runs before measuring: the first ones load code and fill caches. */
const WARM_UP = 3;

/** What is measured. */
interface MeasuredRun {
  readonly name: string;
  readonly parameters: ParameterValues;
  readonly paths: readonly string[] | undefined;
  readonly runs: number;
}

/** What was measured. */
interface Measurement {
  /** Median milliseconds a picture by stage; `picture` is decoding. */
  readonly byStage: ReadonlyMap<string, number>;
  /** How it was measured, or why it was not. */
  readonly said: string;
}

/** Prints the plan of a pipeline; with runs, measures it first. */
export async function explainPipeline(name: string, options: ExplainOptions): Promise<number> {
  const runs = Number(options.runs);
  if (!Number.isInteger(runs) || runs < 0) {
    throw new FacewireError("usage", `--runs ${options.runs} is not a whole number from 0.`);
  }
  const local = await openLocalEngine(await settingsOf(options));
  try {
    const detail = local.engine.pipeline(name);
    const parameters = parametersOf(options.parameter ?? [], detail.parameters);
    local.engine.admit(name, parameters);
    const measurement = detail.accepts.includes("image")
      ? await measure(local.engine, { name, parameters, paths: options.picture, runs })
      : { byStage: new Map(), said: "not measured: it takes videos only" };
    for (const line of explanation(detail, measurement)) await printLine(line);
  } finally {
    await local.close();
  }
  return EXIT.ok;
}

/** Runs the pictures one after the other, so that nothing waits for anything. */
async function measure(engine: Engine, { name, parameters, paths, runs }: MeasuredRun): Promise<Measurement> {
  const sample = paths === undefined ? await samplePicture() : undefined;
  const pictures = paths ?? (sample === undefined ? [] : [sample]);
  if (runs === 0) return { byStage: new Map(), said: "not measured" };
  if (pictures.length === 0) return { byStage: new Map(), said: "not measured: name a picture with --picture" };
  const files = await Promise.all(pictures.map(async (path) => ({ name: basename(path), bytes: await bytesOf(path) })));
  const times = new Map<string, number[]>();
  const add = (stage: string, ms: number) => times.set(stage, [...(times.get(stage) ?? []), ms]);
  let faces = 0;
  for (let run = -WARM_UP; run < runs; run++) {
    faces = 0;
    for (const file of files) {
      const { items } = await engine.run({
        id: `explain-${run}`,
        pipeline: name,
        files: [file],
        parameters,
        explain: true,
      });
      const item = items[0]!;
      if (item.error) throw FacewireError.fromPublic(item.error);
      faces += item.faces.length;
      if (run < 0) continue;
      add("picture", item.timing?.decode_ms ?? 0);
      for (const trace of item.explain ?? []) add(trace.stage, trace.elapsed_ms - trace.waited_ms);
    }
  }
  const names = files.map((file) => file.name).join(", ");
  return {
    byStage: new Map([...times].map(([stage, values]) => [stage, median(values)])),
    said: `median of ${plural(runs, "run")} of ${names} (${plural(faces, "face")}), one picture at a time, on this machine`,
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    return await Bun.file(path).bytes();
  } catch (cause) {
    throw new FacewireError("usage", `${path} does not exist or may not be read.`, { cause });
  }
}

function explanation(detail: PipelineDetail, { byStage, said }: Measurement): string[] {
  const { limits, aggregate, plan } = detail;
  const aggregated = Object.entries(aggregate).map(([key, method]) => `${key} (${method})`);
  const together = [...byStage.values()].reduce((sum, ms) => sum + ms, 0);
  return [
    `${detail.name}: ${detail.description}`,
    `version ${detail.version}, deadline ${limits.deadline_ms} ms, at most ${plural(limits.files, "picture")} a request`,
    ...parameterLines(detail.parameters),
    ...plan.nodes.flatMap((node) => nodeLines(node, byStage.get(node.stage))),
    ...hopLines(plan.hops),
    "",
    `aggregate: ${aggregated.join(", ") || "nothing"}`,
    ...(together > 0 ? [`together:  ${millisText(together)} a picture`] : []),
    `times:     ${said}`,
  ];
}

function parameterLines(parameters: PipelineDetail["parameters"]): string[] {
  const lines = Object.entries(parameters).map(([name, declaration]) => {
    const { description } = declaration;
    const text = `  ${name}: ${allowedText(declaration)}, ${declaration.default} by default`;
    return description === undefined ? text : `${text}. ${description}`;
  });
  return lines.length === 0 ? [] : ["", "parameters (--parameter name=value, request.name in conditions):", ...lines];
}

function hopLines(hops: PlanGraph["hops"]): string[] {
  if (hops.length === 0) return [];
  const pictures = { file: "the picture as it came", jpeg: "frames as JPEG" };
  return [
    "",
    "over the bus, where NATS connects processes:",
    ...hops.map(({ to, before, picture, parts }) => {
      const way = before === null ? "back with the results" : `to group ${to} for ${before}`;
      return `  ${way}: ${[...picture.map((kind) => pictures[kind]), ...parts].join(", ")}`;
    }),
  ];
}

function nodeLines(node: PlanGraph["nodes"][number], ms: number | undefined): string[] {
  const options = Object.entries(node.options).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const facts: [string, string][] = [
    ["reads", node.reads.join(", ")],
    ["writes", node.writes.join(", ")],
    ["models", node.models.join(", ")],
    ["missing", (node.missing_models ?? []).join(", ")],
    ["when", node.when ?? ""],
    ["place", node.place === undefined ? "" : `group ${node.place}`],
    ["pool", node.pool ? `${node.pool.name}, ${plural(node.pool.slots, "slot")}` : ""],
    ["options", options.join(" ")],
    ["took", ms === undefined ? "" : millisText(ms)],
    ["cost", node.cost],
  ];
  const told = facts.filter(([, text]) => text !== "").map(([name, text]) => `  ${name.padEnd(9)}${text}`);
  return ["", node.stage, ...told];
}
