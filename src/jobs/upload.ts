/**
 * A job's files on their way to disk. Each chunk is written before the next is read, so an upload holds no more memory
 * than a chunk, however large it is and however slowly it comes.
 */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { SNIFF_VIDEO_BYTES, sniffVideo } from "../media/video/sniff.ts";
import type { JobContent, JobFile } from "../store/job-content.ts";
import { type JobFolders, writeError } from "./folders.ts";

/** Files that are being brought to the disk behind the one that is written. */
const SYNCS_AT_ONCE = 16;
/** Files whose rows are written together. */
const ROWS_AT_ONCE = 500;

/** What an upload was, once it is complete. */
export interface UploadFacts {
  readonly files: number;
  readonly bytes: number;
  readonly videos: number;
  /** sha256 over names and contents, hex. */
  readonly hash: string;
}

/** See the file's head. Methods reject with `store_unavailable` when the disk or the database fails. */
export class JobUpload {
  readonly id: string;
  readonly #folders: JobFolders;
  readonly #content: JobContent;
  readonly #hash = createHash("sha256");
  readonly #syncs = new Set<Promise<void>>();
  #rows: JobFile[] = [];
  #open: UploadedFile | undefined;
  #syncFailure: unknown;
  #files = 0;
  #bytes = 0;
  #videos = 0;

  /** The job's place must be reserved. */
  constructor(id: string, folders: JobFolders, content: JobContent) {
    this.id = id;
    this.#folders = folders;
    this.#content = content;
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Begins the next file; the one before it must have ended. */
  async begin(name: string): Promise<void> {
    try {
      if (this.#files === 0) await this.#folders.create(this.id);
      const handle = await open(this.#folders.file(this.id, this.#files), "wx", 0o600);
      this.#open = new UploadedFile(name, handle);
    } catch (thrown) {
      throw writeError(thrown);
    }
  }

  /** Writes to the file that was begun. */
  async write(chunk: Uint8Array): Promise<void> {
    this.#bytes += chunk.byteLength;
    await this.#open?.write(chunk);
  }

  /** Ends the file that was begun; it is brought to the disk while the next one comes. */
  async end(): Promise<void> {
    const file = this.#open;
    if (!file) return;
    this.#open = undefined;
    const { name, bytes, isVideo } = file;
    this.#rows.push({ position: this.#files++, name, bytes, kind: isVideo ? "video" : "picture" });
    if (isVideo) this.#videos++;
    this.#hash.update(`${JSON.stringify([name, bytes, file.digest()])}\n`);
    const sync = file
      .finish()
      .catch((thrown) => {
        this.#syncFailure ??= thrown;
      })
      .finally(() => this.#syncs.delete(sync));
    this.#syncs.add(sync);
    if (this.#syncs.size >= SYNCS_AT_ONCE) await Promise.race(this.#syncs);
    if (this.#rows.length >= ROWS_AT_ONCE) await this.#flushRows();
  }

  /** Resolves when all files are on the disk and in the database. */
  async complete(): Promise<UploadFacts> {
    await Promise.all(this.#syncs);
    if (this.#syncFailure !== undefined) throw writeError(this.#syncFailure);
    await this.#flushRows();
    try {
      if (this.#files > 0) await this.#folders.sync(this.id);
    } catch (thrown) {
      throw writeError(thrown);
    }
    return { files: this.#files, bytes: this.#bytes, videos: this.#videos, hash: this.#hash.digest("hex") };
  }

  /** Leaves nothing behind: neither files nor rows. */
  async discard(): Promise<void> {
    await this.#open?.abandon();
    this.#open = undefined;
    await Promise.all(this.#syncs);
    await this.#folders.remove(this.id);
    await this.#content.delete(this.id);
  }

  async #flushRows(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    await this.#content.addFiles(this.id, rows);
  }
}

/** One file that is being written. */
class UploadedFile {
  readonly name: string;
  readonly #handle: FileHandle;
  readonly #hash: Hash = createHash("sha256");
  #head = new Uint8Array(0);
  #bytes = 0;

  constructor(name: string, handle: FileHandle) {
    this.name = name;
    this.#handle = handle;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isVideo(): boolean {
    return sniffVideo(this.#head) !== undefined;
  }

  digest(): string {
    return this.#hash.digest("hex");
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    if (this.#head.byteLength < SNIFF_VIDEO_BYTES) {
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, SNIFF_VIDEO_BYTES - this.#head.byteLength)]);
    }
    try {
      for (let at = 0; at < chunk.byteLength; ) {
        const { bytesWritten } = await this.#handle.write(chunk, at);
        at += bytesWritten;
      }
    } catch (thrown) {
      throw writeError(thrown);
    }
    this.#bytes += chunk.byteLength;
  }

  /** Brings the content to the disk. */
  async finish(): Promise<void> {
    try {
      await this.#handle.sync();
    } finally {
      await this.#handle.close();
    }
  }

  /** Closes a file that is not wanted any more. */
  async abandon(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
  }
}
