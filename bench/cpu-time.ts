/** The time that processes were on cores. */
import { readFileSync } from "node:fs";

/** Linux counts this many ticks a second in what it tells programs. */
const TICKS_PER_S = 100;
/** Fields of `/proc/<pid>/stat` behind the name: user and system time of the process, and of its children that have ended. */
const FIRST = 11;
const COUNT = 4;

/**
 * Milliseconds that a process with all its threads has been on a core, and its children that have ended: an ffmpeg counts
 * when it is done. In steps of 10 ms.
 */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name stands in brackets and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(FIRST, FIRST + COUNT).reduce((sum, field) => sum + Number(field), 0);
  return (1000 * ticks) / TICKS_PER_S;
}

/** Begins to count; the result says how many milliseconds these processes have been on cores together since. */
export function countCpu(pids: readonly number[]): () => number {
  const now = () => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  const start = now();
  return () => now() - start;
}
