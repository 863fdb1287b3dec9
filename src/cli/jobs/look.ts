/** `facewire jobs list`, `show` and `cancel`. */
import { FacewireError } from "../../errors.ts";
import type { JobDetailJson, JobJson } from "../../jobs/job-json.ts";
import { note, printLine } from "../output.ts";
import { EXIT } from "../report.ts";
import { table } from "../table.ts";
import { minuteText } from "../units.ts";
import { clientOf, type ServerOptions } from "./client.ts";
import { detailLines, progressCell, stateText } from "./text.ts";

interface ListOptions extends ServerOptions {
  readonly limit: string;
  readonly before?: string;
  readonly state?: string;
  readonly pipeline?: string;
  readonly json?: boolean;
}

interface ShowOptions extends ServerOptions {
  readonly json?: boolean;
}

/** Prints a page of jobs, newest first. */
export async function listJobs(options: ListOptions): Promise<number> {
  const client = await clientOf(options);
  const query = new URLSearchParams({ limit: options.limit });
  for (const name of ["before", "state", "pipeline"] as const) {
    const value = options[name];
    if (value !== undefined) query.set(name, value);
  }
  const page = await client.json<{ readonly jobs: readonly JobJson[]; readonly next?: string }>(`/v1/jobs?${query}`);
  const { jobs = [], next } = page ?? {};
  if (options.json) for (const job of jobs) await printLine(JSON.stringify(job));
  else {
    const rows = jobs.map((job) => [
      job.id,
      job.state,
      job.pipeline,
      String(job.files),
      progressCell(job),
      minuteText(Date.parse(job.created_at)),
      job.error?.code ?? job.waiting_for?.code ?? "",
    ]);
    const heading = ["id", "state", "pipeline", "files", "progress", "created", "reason"];
    for (const line of table(heading, rows)) await printLine(line);
  }
  if (next !== undefined) note(`More follow: facewire jobs list --before ${next}`);
  return EXIT.ok;
}

/** Prints all that is known of a job. */
export async function showJob(id: string, options: ShowOptions): Promise<number> {
  const client = await clientOf(options);
  const job = (await client.json<JobDetailJson>(`/v1/jobs/${encodeURIComponent(id)}`)) as JobDetailJson;
  if (options.json) await printLine(JSON.stringify(job));
  else for (const line of detailLines(job)) await printLine(line);
  return EXIT.ok;
}

/** Cancels a job; one that has ended stays as it is. */
export async function cancelJob(id: string, options: ServerOptions): Promise<number> {
  const client = await clientOf(options);
  const job = await client.json<JobJson>(`/v1/jobs/${encodeURIComponent(id)}?cancel=1`, { method: "DELETE" });
  if (!job) throw new FacewireError("internal", "The server did not say what became of the job.");
  note(stateText(job));
  return EXIT.ok;
}
