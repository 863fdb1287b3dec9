/** How soon a test has its server: every test file of a suite may pay this. */
import { join } from "node:path";
import type { KitTimes } from "../kit/starts.ts";
import { projectRoot, type Setup } from "../setup.ts";
import { spreadOf } from "../statistics.ts";
import type { BenchGroup, GroupRow } from "./group.ts";

/** Fresh processes, each of which starts servers. */
const PROCESSES = { quick: 3, whole: 11 };
/** Milliseconds within which a server answers, with all models in place. */
const MOST_START = 300;

export const kit: BenchGroup = {
  name: "kit",
  about: "time of startTestServer in a fresh process and in one that has started one before",
  async measure({ setup, quick, progress }) {
    const rounds: KitTimes[] = [];
    const processes = quick ? PROCESSES.quick : PROCESSES.whole;
    for (let round = 0; round < processes; round++) {
      progress(`kit: process ${round + 1} of ${processes}`);
      rounds.push(await startServers(setup));
    }
    const row = (name: string, part: keyof KitTimes, rest: Partial<GroupRow> = {}): GroupRow => {
      const spread = spreadOf(rounds.map((times) => times[part]));
      return { name, value: spread.median, spread, unit: "ms", ...rest };
    };
    return [
      row("import of facewire/testing", "imported", { note: "fresh process" }),
      row("first server of a process", "cold", {
        target: { most: MOST_START },
        note: "one worker, all shipped pipelines; answers, and loads models behind it",
      }),
      row("further server", "warm", { target: { most: MOST_START }, note: "while the first one still runs" }),
      row("first answer with real models", "firstAnswer", { note: "face-liveness, after the start" }),
      row("first answer with scripted models", "firstScripted", { note: "face-liveness, after the start" }),
      row("stop", "stopped"),
    ];
  },
};

async function startServers({ settings }: Setup): Promise<KitTimes> {
  const child = Bun.spawn([process.execPath, join(import.meta.dirname, "../kit/starts.ts")], {
    cwd: projectRoot,
    env: { ...process.env, FACEWIRE_MODELS_CACHE: settings.models_cache },
    stdout: "pipe",
    stderr: "inherit",
  });
  const [text, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  if (code !== 0) throw new Error(`a process that starts test servers ended with ${code}`);
  return JSON.parse(text) as KitTimes;
}
