/**
 * Named pipes that ffmpeg writes into and a thread of ours reads from, in a folder of their own.
 *
 * Opening a named pipe waits for its other side, and waits for ever where that one never comes. So each is first opened for
 * both directions, which waits for nobody. That end, the keeper, also stands for the writer until ffmpeg has ended: then it
 * is let go, and a reader that waits for data sees the end instead.
 */
import { execFile } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { FacewireError } from "../../errors.ts";

/** One pipe as this process holds it. */
interface PipeEnds {
  readonly reading: number;
  readonly keeper: number;
}

/** See the file's head. Names of the pipes within {@link folder} are their keys. */
export class FramePipes {
  readonly folder: string;
  /** File descriptors to read from; they block. */
  readonly frames: number;
  readonly lines: number;
  #keepers: readonly number[];
  #removed: Promise<void> | undefined;

  private constructor(folder: string, frames: PipeEnds, lines: PipeEnds) {
    this.folder = folder;
    this.frames = frames.reading;
    this.lines = lines.reading;
    this.#keepers = [frames.keeper, lines.keeper];
  }

  /** Names within the folder, without characters that mean something to ffmpeg. */
  static readonly names = { frames: "frames", lines: "lines" } as const;

  /** Rejects with `internal` where no pipes can be made. */
  static async create(): Promise<FramePipes> {
    let folder: string | undefined;
    try {
      folder = await mkdtemp(join(tmpdir(), "facewire-frames-"));
      const paths = [join(folder, FramePipes.names.frames), join(folder, FramePipes.names.lines)];
      await promisify(execFile)("mkfifo", ["-m", "600", ...paths]);
      const [frames, lines] = paths.map(openEnds);
      return new FramePipes(folder, frames!, lines!);
    } catch (cause) {
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
      throw new FacewireError("internal", "The pipes for a video's frames could not be made.", { cause });
    }
  }

  /** Both sides have opened the pipes: their names are not needed any more. */
  removeNames(): Promise<void> {
    this.#removed ??= rm(this.folder, { recursive: true, force: true });
    return this.#removed;
  }

  /** The writer has ended: readers come to an end once they have read what is left. */
  endWriting(): void {
    for (const keeper of this.#keepers) closeSync(keeper);
    this.#keepers = [];
  }

  /** Nobody reads any more. Comes after {@link endWriting}, once. */
  async close(): Promise<void> {
    closeSync(this.frames);
    closeSync(this.lines);
    await this.removeNames();
  }
}

function openEnds(path: string): PipeEnds {
  const keeper = openSync(path, constants.O_RDWR);
  return { keeper, reading: openSync(path, constants.O_RDONLY) };
}
