/** Feeds found pictures to an engine and hands their results on in order. */
import { FacewireError, type PublicError } from "../../errors.ts";
import { pump } from "../../pipeline/pump.ts";
import type { Engine, ItemResult, RunRequest, RunResult } from "../../pipeline/results.ts";
import type { FoundInput } from "./find-inputs.ts";

/** What is asked of every picture. */
export type RunWishes = Pick<RunRequest, "pipeline" | "parameters" | "explain" | "draw" | "exif" | "deadlineMs">;

/** How {@link runEach} works. */
export interface RunEachOptions {
  readonly engine: Engine;
  readonly wishes: RunWishes;
  readonly pictures: readonly FoundInput[];
  /** Index of the first one's result; 0 when absent. */
  readonly firstIndex?: number;
  readonly concurrency: number;
  /** Larger files are refused without being read; bytes. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly onResult: (item: ItemResult) => Promise<void>;
}

/**
 * Runs each picture as a request of its own. Files are read when their turn comes, so memory holds a few, however many
 * there are. A picture that cannot be read or run gives a failed result; an abort ends early without one.
 */
export async function runEach(options: RunEachOptions): Promise<void> {
  const { engine, wishes, pictures, firstIndex = 0, concurrency, maxBytes, signal } = options;
  await pump({
    inputs: pictures,
    concurrency,
    signal,
    work: async (picture, at): Promise<ItemResult | undefined> => {
      const index = firstIndex + at;
      try {
        const bytes = await readPicture(picture, maxBytes);
        const files = [{ name: picture.name, bytes }];
        const result = await engine.run({ ...wishes, id: `picture-${index + 1}`, files, signal });
        return { ...result.items[0]!, index };
      } catch (thrown) {
        if (signal.aborted) return undefined;
        return failed(picture, index, FacewireError.from(thrown).toPublic());
      }
    },
    emit: async (item) => {
      if (item !== undefined) await options.onResult(item);
    },
  });
}

/**
 * Runs all pictures as one request, which gives one aggregate over them. All are held in memory, as many as the pipeline
 * allows in a request. Rejects when one cannot be read or the request is not taken.
 */
export async function runTogether(options: Omit<RunEachOptions, "concurrency" | "firstIndex">): Promise<RunResult> {
  const { engine, wishes, pictures, maxBytes, signal } = options;
  const limit = engine.pipeline(wishes.pipeline).limits.files;
  if (pictures.length > limit) {
    throw new FacewireError(
      "request_too_many_files",
      `--aggregate takes all pictures as one request; the pipeline takes ${limit} in one, and these are ${pictures.length}.`,
    );
  }
  const files = [];
  for (const picture of pictures) files.push({ name: picture.name, bytes: await readPicture(picture, maxBytes) });
  const result = await engine.run({ ...wishes, id: "pictures", files, signal });
  for (const item of result.items) await options.onResult(item);
  return result;
}

async function readPicture(picture: FoundInput, maxBytes: number): Promise<Uint8Array> {
  const file = Bun.file(picture.path);
  if (file.size > maxBytes) {
    throw new FacewireError("picture_too_large", `The file has ${file.size} bytes; ${maxBytes} are allowed.`);
  }
  try {
    return await file.bytes();
  } catch (cause) {
    throw new FacewireError("file_unreadable", "The file could not be read.", { cause });
  }
}

function failed(picture: FoundInput, index: number, error: PublicError): ItemResult {
  return { index, name: picture.name, status: "failed", faces: [], error };
}
