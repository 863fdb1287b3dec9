/** The pictures of a job: several at once, results in the order of the files. */
import { FacewireError } from "../errors.ts";
import { pump } from "../pipeline/pump.ts";
import type { ItemResult, PrimaryFace } from "../pipeline/results.ts";
import type { StoredJobFile } from "../store/job-content.ts";
import { type JobContext, JobStopped, patiently, requestOf } from "./job-context.ts";

/** A picture's result. */
interface PictureResult {
  readonly item: ItemResult;
  readonly primary: PrimaryFace | undefined;
}

/**
 * Runs pictures that follow each other. A picture that cannot be run gives a failed result. Rejects with
 * {@link JobStopped}, `pipeline_unknown`, or what the writer rejects with.
 */
export async function runPictures(context: JobContext, files: readonly StoredJobFile[]): Promise<void> {
  const { writer, concurrency, stop } = context;
  const first = writer.next;
  const inTurn = turns();
  await pump({
    inputs: files,
    concurrency,
    signal: stop,
    // Told to stop, what is in hand is finished as far as it needs no waiting; nothing behind a gap is kept.
    work: (file, at) => runPicture(context, file, first + at, inTurn),
    emit: async ({ item, primary }, at) => writer.add(files[at]?.position ?? 0, item, primary, true),
  });
  if (stop.aborted) throw new JobStopped();
}

async function runPicture(
  context: JobContext,
  file: StoredJobFile,
  index: number,
  inTurn: Turns,
): Promise<PictureResult> {
  try {
    return await patiently(context, () => attempt(context, file, index, inTurn));
  } catch (thrown) {
    const failure = thrown instanceof FacewireError ? thrown : undefined;
    if (!failure || failure.code === "pipeline_unknown") throw thrown;
    return {
      item: { index, name: file.name, status: "failed", faces: [], error: failure.toPublic() },
      primary: undefined,
    };
  }
}

async function attempt(
  context: JobContext,
  file: StoredJobFile,
  firstIndex: number,
  inTurn: Turns,
): Promise<PictureResult> {
  const { engine, writer } = context;
  const files = [{ name: file.name, bytes: await inTurn(() => readPicture(context, file)) }];
  let primary: PrimaryFace | undefined;
  const result = await engine.run({
    ...requestOf(context),
    files,
    firstIndex,
    onItem: (_item, face) => {
      primary = face;
    },
  });
  const [item] = result.items;
  if (!item) throw new FacewireError("internal", "A picture was answered without a result.");
  writer.version(result.version);
  return { item, primary };
}

async function readPicture({ folders, job, maxPictureBytes }: JobContext, file: StoredJobFile): Promise<Uint8Array> {
  if (file.bytes > maxPictureBytes) {
    throw new FacewireError("picture_too_large", `The file has ${file.bytes} bytes; ${maxPictureBytes} are allowed.`, {
      details: { bytes: file.bytes, max_bytes: maxPictureBytes },
    });
  }
  try {
    return await Bun.file(folders.file(job.id, file.position)).bytes();
  } catch (cause) {
    throw new FacewireError("file_unreadable", "The uploaded file is gone.", { cause });
  }
}

/** Does one thing after the other. */
type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/** Files are read one after the other, so that pictures reach the engine in their order and the first results come first. */
function turns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
