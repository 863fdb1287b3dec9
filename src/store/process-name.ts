/**
 * Names under which processes hold leases, by which another process on the same machine can tell at once that one has
 * ended. Elsewhere, and where that cannot be told, leases run out.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";

/** What process numbers are unique in: this boot of this machine, and inside it this container. */
const PLACE = placeOf();

/** A name for this process that no other has or had. */
export function processName(): string {
  return `${PLACE ?? "elsewhere"}/${process.pid}/${randomUUID()}`;
}

/** Whether the process of this name has certainly ended. */
export function hasEndedHere(name: string): boolean {
  const [place, pid] = name.split("/");
  if (PLACE === undefined || place !== PLACE) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    // Any other failure is of a process that is there.
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

function placeOf(): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const namespace = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0];
    return namespace === undefined ? undefined : `${boot}-${namespace}`;
  } catch {
    return undefined;
  }
}
