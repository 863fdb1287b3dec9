/** `facewire jobs wait`, and what `submit --wait` does. */
import { FacewireError } from "../../errors.ts";
import type { JobDetailJson } from "../../jobs/job-json.ts";
import { note, print, printLine } from "../output.ts";
import { type Progress, startProgress } from "../progress.ts";
import { EXIT } from "../report.ts";
import { listenForStop } from "../stop-signal.ts";
import { clientOf, type JobsClient, type ServerOptions } from "./client.ts";
import { jobAggregateText, stateText } from "./text.ts";

/** Milliseconds between two looks at a job. */
const LOOK_EVERY = 500;

/** Options of the command. */
export interface WaitOptions extends ServerOptions {
  readonly json?: boolean;
}

/** Waits until a job has ended and prints what came of it. */
export async function waitForJob(id: string, options: WaitOptions): Promise<number> {
  const stop = listenForStop();
  try {
    return await waitForEnd(await clientOf(options), id, { json: options.json === true, signal: stop.signal });
  } finally {
    stop.dispose();
  }
}

/**
 * Shows progress until the job has ended, also while its server is away; the job outlives it. Resolves with the exit code:
 * 0 completed, 1 failed or cancelled, 130 when the signal fires (the job goes on).
 */
export async function waitForEnd(
  client: JobsClient,
  id: string,
  { json, signal }: { readonly json: boolean; readonly signal: AbortSignal },
): Promise<number> {
  let progress: Progress | undefined;
  let told: string | undefined;
  const tell = async (text: string | undefined) => {
    if (text !== undefined && text !== told) {
      if (progress) await progress.aside(async () => note(text));
      else note(text);
    }
    told = text;
  };
  let seen = false;
  try {
    while (!signal.aborted) {
      try {
        const job = (await client.json<JobDetailJson>(`/v1/jobs/${encodeURIComponent(id)}`)) as JobDetailJson;
        seen = true;
        const { done, total } = job.progress;
        progress ??= startProgress({ label: job.pipeline, unit: "items", total: total ?? 0, from: done });
        progress.update(done, total ?? 0);
        if (job.ended_at !== null) {
          progress.stop();
          return await ended(job, json);
        }
        await tell(job.waiting_for && `waits: ${job.waiting_for.message}`);
      } catch (thrown) {
        const away =
          thrown instanceof FacewireError && ["server_unreachable", "store_unavailable"].includes(thrown.code);
        if (!away || !seen) throw thrown;
        await tell("The server does not answer now; its jobs go on when it is back.");
      }
      await Bun.sleep(LOOK_EVERY);
    }
  } finally {
    progress?.stop();
  }
  note(`The job goes on: facewire jobs wait ${id}`);
  return EXIT.interrupted;
}

async function ended(job: JobDetailJson, json: boolean): Promise<number> {
  if (json) await printLine(JSON.stringify(job));
  else {
    note(stateText(job));
    await print(jobAggregateText(job));
  }
  return job.state === "completed" ? EXIT.ok : EXIT.failed;
}
