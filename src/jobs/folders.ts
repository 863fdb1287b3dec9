/** Where the files of jobs lie: `jobs/<id>/<position>` in the data folder. */
import { randomUUID } from "node:crypto";
import { link, mkdir, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FacewireError } from "../errors.ts";

/** Ids are ULIDs, so nothing else in the folder is ever taken for a job's. */
const JOB_ID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

const PLACE_FILE = "place";

/** See the file's head. */
export class JobFolders {
  readonly #root: string;

  constructor(dataDir: string) {
    this.#root = join(dataDir, "jobs");
  }

  /**
   * What the folder is known by to all processes that have it, wherever they run and by whatever path: made with the folder,
   * and kept in it. Rejects with `store_unavailable`.
   */
  async place(): Promise<string> {
    const file = join(this.#root, PLACE_FILE);
    const known = await readFile(file, "utf8").catch(() => undefined);
    if (known !== undefined) return known;
    const name = randomUUID();
    const draft = `${file}-${name}`;
    try {
      await mkdir(this.#root, { recursive: true, mode: 0o700 });
      await writeFile(draft, name, { mode: 0o600, flush: true });
      // Another process may do the same: a name that is there stays, and it is never there in part.
      await link(draft, file).catch(() => undefined);
      return await readFile(file, "utf8");
    } catch (error) {
      throw writeError(error);
    } finally {
      await rm(draft, { force: true });
    }
  }

  /** Path of a file. */
  file(id: string, position: number): string {
    return join(this.#root, id, String(position));
  }

  /** Makes the folder of a job, for this user only. */
  async create(id: string): Promise<void> {
    await mkdir(join(this.#root, id), { recursive: true, mode: 0o700 });
  }

  /** Resolves when the names of a job's files are on the disk; that their content is, is for who wrote it. */
  async sync(id: string): Promise<void> {
    for (const folder of [join(this.#root, id), this.#root]) {
      await using handle = await open(folder, "r");
      await handle.sync();
    }
  }

  /** Removes the folder with all files; nothing happens when it is not there. */
  async remove(id: string): Promise<void> {
    await rm(join(this.#root, id), { recursive: true, force: true });
  }

  /** Ids of the jobs that have a folder. */
  async list(): Promise<readonly string[]> {
    try {
      return (await readdir(this.#root)).filter((name) => JOB_ID.test(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }
}

/** A coded error for a file that could not be written. */
export function writeError(thrown: unknown): FacewireError {
  if (thrown instanceof FacewireError) return thrown;
  const full = ["ENOSPC", "EDQUOT"].includes((thrown as NodeJS.ErrnoException).code ?? "");
  const message = full ? "There is no room left on the disk for uploads." : "The upload could not be written to disk.";
  const details = { reason: full ? "disk_full" : "disk_failed" };
  return new FacewireError("store_unavailable", message, { details, cause: thrown });
}
