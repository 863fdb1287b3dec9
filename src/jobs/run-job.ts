/** One job, from its first file that is not done to its end. */
import { FacewireError, type PublicError } from "../errors.ts";
import type { Engine } from "../pipeline/results.ts";
import type { StoredJobFile } from "../store/job-content.ts";
import { type JobContext, JobStopped, patiently } from "./job-context.ts";
import { aggregateJob } from "./primary-faces.ts";
import { JobLost } from "./result-writer.ts";
import { runPictures } from "./run-pictures.ts";
import { failVideo, runVideo } from "./run-video.ts";

/** How the work on a job ended. `lost`: the job is not this process's any more. */
export type JobOutcome =
  | { readonly kind: "completed"; readonly aggregate: ReturnType<Engine["aggregate"]> }
  | { readonly kind: "failed"; readonly error: PublicError; readonly cause: unknown }
  | { readonly kind: "stopped" }
  | { readonly kind: "lost" };

/** Files whose rows are read at once. */
const FILES_AT_ONCE = 500;

/** Runs a job; everything it did is committed when this resolves. Never rejects. */
export async function runJob(context: JobContext, engine: Engine): Promise<JobOutcome> {
  const { writer, content, job } = context;
  try {
    // Told at once when it is gone, and which version begins.
    await patiently(context, async () => writer.version(engine.pipeline(job.pipeline).version));
    await runFiles(context);
    await writer.flush();
    const aggregate = await patiently(context, () => aggregateJob(engine, content, job));
    return { kind: "completed", aggregate };
  } catch (thrown) {
    return outcomeOf(thrown, writer);
  } finally {
    writer.close();
  }
}

async function runFiles(context: JobContext): Promise<void> {
  const { content, job, writer } = context;
  for (;;) {
    const files = await patiently(context, () => content.files(job.id, writer.nextFile, FILES_AT_ONCE));
    if (files.length === 0) return;
    for (const group of alike(files)) {
      const [first] = group;
      if (first?.kind === "video") await runOneVideo(context, first);
      else await runPictures(context, group);
    }
  }
}

async function runOneVideo(context: JobContext, file: StoredJobFile): Promise<void> {
  try {
    await runVideo(context, file);
  } catch (thrown) {
    // Among others it is one that failed; alone it is the job that did.
    if (!(thrown instanceof FacewireError) || thrown.code === "pipeline_unknown" || context.job.files === 1)
      throw thrown;
    await failVideo(context, file, thrown);
  }
}

/** Pictures that follow each other together, each video by itself. */
function alike(files: readonly StoredJobFile[]): StoredJobFile[][] {
  const groups: StoredJobFile[][] = [];
  for (const file of files) {
    const group = groups.at(-1);
    if (file.kind === "picture" && group?.[0]?.kind === "picture") group.push(file);
    else groups.push([file]);
  }
  return groups;
}

async function outcomeOf(thrown: unknown, writer: JobContext["writer"]): Promise<JobOutcome> {
  if (thrown instanceof JobLost) return { kind: "lost" };
  try {
    // What was done until then counts.
    await writer.flush();
  } catch (later) {
    return later instanceof JobLost ? { kind: "lost" } : { kind: "stopped" };
  }
  if (thrown instanceof JobStopped) return { kind: "stopped" };
  return { kind: "failed", error: FacewireError.from(thrown).toPublic(), cause: thrown };
}
