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

/** Begins a command so that it may mount, for itself alone: it is root of a namespace of its own. */
const APART = ["unshare", "--user", "--map-root-user", "--mount", "--"];

/** `here`: this process may mount; `apart`: another that begins with {@link ownMounts} may. */
export type DiskWay = "here" | "apart";

let way: DiskWay | "none" | undefined;

/**
 * How small disks can be made. Undefined where the system forbids both ways: neither root's right to mount (CAP_SYS_ADMIN) nor
 * namespaces for users, as in a container with Docker's defaults. No third way leads to a disk that is full, so that is
 * told in one line, once, and tests are skipped in CI too; only programs that are missing there are an error.
 */
export function waysOfDisks(): DiskWay | undefined {
  way ??= wayHere();
  return way === "none" ? undefined : way;
}

/** What a command begins with that is to make its disks `apart`. */
export function ownMounts(): readonly string[] {
  return APART;
}

function wayHere(): DiskWay | "none" {
  const missing = ["mount", "umount", "unshare"].filter((program) => Bun.which(program) === null);
  if (missing.length > 0) {
    const message = `${missing.join(", ")} missing: apt-get install mount util-linux`;
    if (process.env.CI === "true") throw new Error(message);
    console.warn(`Skipped: the tests of full disks; ${message}`);
    return "none";
  }
  const folder = temporaryFolder("facewire-disk-");
  if (process.getuid?.() === 0 && mount(folder, 1)) {
    unmount(folder);
    return "here";
  }
  if (Bun.spawnSync([...APART, ...mounting(folder, 1)]).success) return "apart";
  console.warn("Skipped: the tests of full disks; neither may this process mount, nor have a namespace where it may");
  return "none";
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
  return Bun.spawnSync(mounting(folder, mebibytes, owner)).success;
}

function mounting(folder: string, mebibytes: number, owner = 0): string[] {
  const options = `size=${mebibytes}m,mode=0700,uid=${owner},gid=${owner}`;
  return ["mount", "-t", "tmpfs", "-o", options, "none", folder];
}

function unmount(folder: string): void {
  // Lazily: a process that was killed may be on its way out.
  Bun.spawnSync(["umount", "--lazy", folder]);
}
