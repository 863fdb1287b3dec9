/** `bun run bench`: measures, prints one table, writes it to a file and compares it with the last. See docs/performance.md. */
import { availableParallelism } from "node:os";
import { events } from "./groups/events.ts";
import { gallery } from "./groups/gallery.ts";
import type { BenchGroup } from "./groups/group.ts";
import { http } from "./groups/http.ts";
import { kit } from "./groups/kit.ts";
import { limit } from "./groups/limit.ts";
import { lunaEvents } from "./groups/luna-events.ts";
import { lunaMemory } from "./groups/luna-memory.ts";
import { lunaSearch } from "./groups/luna-search.ts";
import { memory } from "./groups/memory.ts";
import { overload } from "./groups/overload.ts";
import { paging } from "./groups/paging.ts";
import { peer } from "./groups/peer.ts";
import { placement } from "./groups/placement.ts";
import { video } from "./groups/video.ts";
import { describeMachine, describeRevision, describeVersions } from "./machine.ts";
import { type BenchOptions, HELP, parseOptions } from "./options.ts";
import { type BenchResult, type BenchRow, holds, newestResult, readResult, writeResult } from "./result.ts";
import { loadSetup } from "./setup.ts";
import { headingOf, tableOf } from "./table.ts";
import { requireTool } from "./tools.ts";

const GROUPS: readonly BenchGroup[] = [
  limit,
  http,
  overload,
  peer,
  memory,
  video,
  placement,
  events,
  lunaEvents,
  kit,
  lunaSearch,
  lunaMemory,
  gallery,
  paging,
];

/** Exit code when a target was missed; 1 means the benchmark itself failed. */
const MISSED = 3;

async function main(options: BenchOptions): Promise<number> {
  if (options.help) return say(HELP);
  if (options.list) return say(GROUPS.map(({ name, about }) => `${name.padEnd(10)} ${about}`).join("\n"));
  const groups = chooseGroups(options.only);
  for (const tool of groups.flatMap(({ needs = [] }) => needs)) requireTool(tool);
  // Read before measuring: a file that cannot be read should not cost minutes.
  const named = options.compare ? { file: options.compare, result: await readResult(options.compare) } : undefined;
  const result = await measure(groups, options.quick);
  const earlier = named ?? (await newestResult(result));
  const file = await writeResult(result, options.out);
  for (const line of headingOf(result)) say(line);
  say("");
  for (const line of tableOf(result, earlier?.result)) say(line);
  say(`\nWritten to ${file}.${earlier ? ` Compared with ${earlier.file} (${earlier.result.startedAt}).` : ""}`);
  return result.rows.some((row) => holds(row) === false) ? MISSED : 0;
}

async function measure(groups: readonly BenchGroup[], quick: boolean): Promise<BenchResult> {
  const start = performance.now();
  const startedAt = new Date().toISOString();
  const setup = await loadSetup();
  const context = { setup, cores: availableParallelism(), quick, progress: (text: string) => note(text) };
  const rows: BenchRow[] = [];
  for (const group of groups) {
    for (const row of await group.measure(context)) rows.push({ group: group.name, ...row });
  }
  return {
    format: 1,
    startedAt,
    seconds: Math.round((performance.now() - start) / 1000),
    quick,
    revision: await describeRevision(),
    machine: await describeMachine(),
    versions: await describeVersions(),
    rows,
  };
}

function chooseGroups(only: readonly string[]): readonly BenchGroup[] {
  if (only.length === 0) return GROUPS.filter((group) => !group.optional);
  return only.map((name) => {
    const group = GROUPS.find((candidate) => candidate.name === name);
    if (!group) throw new Error(`there is no group ${name}; there are ${GROUPS.map((each) => each.name).join(", ")}`);
    return group;
  });
}

function say(text: string): 0 {
  process.stdout.write(`${text}\n`);
  return 0;
}

/** Progress does not belong to the table. */
function note(text: string): void {
  process.stderr.write(`${text} …\n`);
}

try {
  process.exitCode = await main(parseOptions(process.argv.slice(2)));
} catch (thrown) {
  process.stderr.write(`bench: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
}
