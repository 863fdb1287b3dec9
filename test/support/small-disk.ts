/** A disk that is full soon: a file system in memory, mounted for the tests of this process. */
import { mkdirSync, statfsSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { atEnd } from "./at-end.ts";
import { temporaryFolder } from "./temp-folder.ts";

/** See the file's head. */
export interface SmallDisk {
  readonly folder: string;
  /** Takes all the room that is left. */
  fill(): void;
  /** Gives it back. */
  makeRoom(): Promise<void>;
}

let able: boolean | undefined;

/** Whether this process may mount one, which takes root's rights; that it may not is told in one line, once. */
export function canMakeDisks(): boolean {
  if (able !== undefined) return able;
  const folder = temporaryFolder("facewire-disk-");
  able = process.getuid?.() === 0 && mount(folder, 1);
  if (able) unmount(folder);
  else console.warn("Skipped: the tests of full disks; they mount small ones, which takes root and CAP_SYS_ADMIN");
  return able;
}

/** Makes one of so many MiB. `owner`: a user's number. */
export function smallDisk(mebibytes: number, owner = 0): SmallDisk {
  const folder = temporaryFolder("facewire-disk-");
  mkdirSync(folder, { recursive: true });
  if (!mount(folder, mebibytes, owner)) throw new Error("This disk could not be mounted.");
  atEnd(async () => unmount(folder));
  const ballast = join(folder, "ballast");
  return {
    folder,
    fill() {
      const { bavail, bsize } = statfsSync(folder);
      writeFileSync(ballast, new Uint8Array(bavail * bsize), { flag: "a" });
    },
    makeRoom: () => rm(ballast, { force: true }),
  };
}

function mount(folder: string, mebibytes: number, owner = 0): boolean {
  const options = `size=${mebibytes}m,mode=0700,uid=${owner},gid=${owner}`;
  return Bun.spawnSync(["mount", "-t", "tmpfs", "-o", options, "none", folder]).success;
}

function unmount(folder: string): void {
  // Lazily: a process that was killed may be on its way out.
  Bun.spawnSync(["umount", "--lazy", folder]);
}
