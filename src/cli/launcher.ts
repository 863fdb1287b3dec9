/**
 * Notices that the `npx` which started this process was ended. npm passes SIGTERM to the shell between itself and us but
 * no further, and a server that outlives the command it was started with would hold its port unseen.
 */
import { readFileSync } from "node:fs";

const LOOK_EVERY_MS = 1000;
/** Shell, `bun run` and npm lie between; more would be somebody else's process. */
const MOST_ANCESTORS = 6;

/**
 * Calls `then` once when a process between this one and the npm that launched it has ended. Does nothing when npm is not
 * among the ancestors (a server started under nohup, by systemd or from a shell) or where /proc does not exist.
 */
export function launcherGone(then: () => void): () => void {
  const chain = chainToNpm();
  if (chain.length === 0) return () => {};
  const timer = setInterval(() => {
    if (chain.every(({ pid, parent }) => statOf(pid)?.parent === parent)) return;
    clearInterval(timer);
    then();
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

interface Link {
  readonly pid: number;
  readonly parent: number;
}

/** The processes from this one up to the child of npm, each with its parent; empty when npm is not above. */
function chainToNpm(): Link[] {
  const chain: Link[] = [];
  for (let pid = process.pid; pid > 1 && chain.length <= MOST_ANCESTORS; ) {
    const stat = statOf(pid);
    if (stat === undefined) return [];
    if (/^(npm|npx)\b/.test(stat.title)) return chain;
    chain.push({ pid, parent: stat.parent });
    pid = stat.parent;
  }
  return [];
}

/** A process's parent and title (npm sets its own: `npm exec …`). Undefined when it has ended. */
function statOf(pid: number): { readonly parent: number; readonly title: string } | undefined {
  try {
    const parent = /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    const title = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return { parent: Number(parent), title };
  } catch {
    return undefined;
  }
}
