/** `facewire jobs submit`. */
import { randomUUID } from "node:crypto";
import { stat } from "node:fs/promises";
import { FacewireError } from "../../errors.ts";
import type { JobJson } from "../../jobs/job-json.ts";
import type { ParameterValues } from "../../pipeline/parameters.ts";
import type { PipelineDetail } from "../../pipeline/results.ts";
import { note, printLine } from "../output.ts";
import { parametersOf } from "../pipelines/parameters.ts";
import { startProgress } from "../progress.ts";
import { EXIT } from "../report.ts";
import { type FoundInput, findInputs, skippedText } from "../run/find-inputs.ts";
import { listenForStop } from "../stop-signal.ts";
import { bytesText, plural } from "../units.ts";
import { clientOf, type JobsClient, type ServerOptions } from "./client.ts";
import { uploadBody } from "./upload-body.ts";
import { waitForEnd } from "./wait.ts";

/** Options of the command. */
export interface SubmitOptions extends ServerOptions {
  readonly rate?: string;
  readonly every?: string;
  readonly explain?: boolean;
  readonly exif?: boolean;
  readonly parameter?: readonly string[];
  readonly key?: string;
  readonly wait?: boolean;
  readonly json?: boolean;
}

/** Times an upload is begun again when the connection breaks; its key keeps the job from being made twice. */
const TRIES = 3;

/** Hands files in; prints the job's id, or the job as JSON. With `--wait` it goes on until the job has ended. */
export async function submitJob(pipeline: string, paths: readonly string[], options: SubmitOptions): Promise<number> {
  const client = await clientOf(options);
  const { inputs, skipped } = await findInputs(paths);
  if (inputs.length === 0) throw new FacewireError("usage", "There is no picture or video at the paths named.");
  const skippedLine = skippedText(skipped, new Set(["picture", "video"]));
  if (skippedLine !== undefined) note(skippedLine);
  const stop = listenForStop();
  try {
    const parameters = await parametersFor(client, pipeline, options.parameter);
    const job = await upload(client, { pipeline, inputs, parameters }, options, stop.signal);
    await printLine(options.json ? JSON.stringify(job) : job.id);
    if (!options.wait) return EXIT.ok;
    return await waitForEnd(client, job.id, { json: options.json === true, signal: stop.signal });
  } catch (thrown) {
    if (!stop.signal.aborted) throw thrown;
    note("Stopped; nothing was handed in.");
    return EXIT.interrupted;
  } finally {
    stop.dispose();
  }
}

/** What is handed in. */
interface HandedIn {
  readonly pipeline: string;
  readonly inputs: readonly FoundInput[];
  readonly parameters: ParameterValues | undefined;
}

/** Of what type each is, the server's pipeline says. */
async function parametersFor(client: JobsClient, pipeline: string, texts: readonly string[] | undefined) {
  if (texts === undefined) return undefined;
  const detail = await client.json<PipelineDetail>(`/v1/pipelines/${encodeURIComponent(pipeline)}`);
  return parametersOf(texts, detail?.parameters ?? {});
}

async function upload(
  client: JobsClient,
  { pipeline, inputs, parameters }: HandedIn,
  options: SubmitOptions,
  signal: AbortSignal,
): Promise<JobJson> {
  const total = await sizeOf(inputs);
  const key = options.key ?? randomUUID();
  const progress = startProgress({ label: "upload", unit: "bytes", total });
  try {
    for (let tried = 1; ; tried++) {
      let sent = 0;
      const { body, headers, name } = uploadBody(inputs, (bytes) => {
        sent += bytes;
        progress.update(sent);
      });
      const query = queryOf(pipeline, parameters, options, name);
      const init = { method: "POST", body, headers: { ...headers, "idempotency-key": JSON.stringify(key) }, signal };
      try {
        const job = (await client.json<JobJson>(`/v1/jobs?${query}`, init)) as JobJson;
        note(`Handed in ${plural(inputs.length, "file")}, ${bytesText(total)}, as job ${job.id}.`);
        return job;
      } catch (thrown) {
        const lost = thrown instanceof FacewireError && thrown.code === "server_unreachable" && sent > 0;
        if (!lost || tried === TRIES || signal.aborted) throw thrown;
        note("The connection broke; trying again.");
      }
    }
  } finally {
    progress.stop();
  }
}

function queryOf(
  pipeline: string,
  parameters: ParameterValues | undefined,
  options: SubmitOptions,
  name: string | undefined,
): URLSearchParams {
  const { rate, every, explain, exif } = options;
  const query = new URLSearchParams({ pipeline });
  if (name !== undefined) query.set("name", name);
  if (rate !== undefined) query.set("rate", rate);
  if (every !== undefined) query.set("every", every);
  if (parameters !== undefined) query.set("parameters", JSON.stringify(parameters));
  if (explain) query.set("explain", "1");
  if (exif) query.set("exif", "1");
  return query;
}

async function sizeOf(inputs: readonly FoundInput[]): Promise<number> {
  let total = 0;
  for (const { path } of inputs) total += (await stat(path)).size;
  return total;
}
