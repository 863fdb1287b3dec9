/**
 * Counts the lines of the LUNA checklist that have a passing test, and the described answers that were seen. Runs every
 * test file that names such a line; `bun scripts/conformance.ts [more words for bun test]`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DESCRIBED_OPERATIONS } from "../test/support/luna/contract.ts";

/** Lines of the checklist by their group. X are those about several APIs; X-002 is about others than this one. */
const GROUPS: Readonly<Record<string, readonly number[]>> = {
  "LUNA-GEN": upTo(25),
  "LUNA-OPT": upTo(31),
  "LUNA-AUTH": upTo(70),
  "LUNA-ACC": upTo(29),
  "LUNA-PAGE": upTo(27),
  "LUNA-DESC": upTo(58),
  "LUNA-GEO": upTo(17),
  "LUNA-PERS": upTo(43),
  "LUNA-LIST": upTo(36),
  "LUNA-MATCH": upTo(60),
  "LUNA-WS": upTo(68),
  "LUNA-HAND": upTo(87),
  "LUNA-LIVE": upTo(31),
  "LUNA-SRV": upTo(26),
  X: upTo(11).filter((number) => number !== 2),
};
const ID = /\b(?:LUNA-[A-Z]+|X)-\d{3}\b/g;
/** Statuses that are described and that no request can bring about on a server that works as it should. */
const UNREACHABLE: ReadonlySet<string> = new Set(["500", "504"]);

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}

process.chdir(`${import.meta.dir}/..`);
const folder = await mkdtemp(join(tmpdir(), "facewire-conformance-"));
try {
  const report = join(folder, "report.xml");
  const seenFile = join(folder, "seen.txt");
  const files = await namingFiles();
  const run = Bun.spawn(
    [
      process.execPath,
      "test",
      "--timeout",
      "60000",
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...process.argv.slice(2),
      ...files,
    ],
    { stdout: "ignore", stderr: "ignore", env: { ...process.env, LUNA_ANSWERS_SEEN: seenFile } },
  );
  await run.exited;
  const { passed, failed } = idsOf(await Bun.file(report).text());
  const wanted = Object.entries(GROUPS).flatMap(([group, numbers]) =>
    numbers.map((number) => `${group}-${String(number).padStart(3, "0")}`),
  );
  const good = wanted.filter((id) => passed.has(id) && !failed.has(id));
  tell(
    "With a failing test",
    wanted.filter((id) => failed.has(id)),
  );
  tell(
    "Without a test",
    wanted.filter((id) => !passed.has(id) && !failed.has(id)),
  );
  tell(
    "Named by tests, but not in the checklist",
    [...passed, ...failed].filter((id) => !wanted.includes(id)),
  );
  await tellAnswers(seenFile);
  console.log(`${good.length} of ${wanted.length} lines of the checklist have a passing test.`);
  process.exitCode = failed.size === 0 ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Test files that name a line. Names may be made of parts, so a group's name is enough. */
async function namingFiles(): Promise<readonly string[]> {
  const files: string[] = [];
  for await (const file of new Bun.Glob("test/**/*.test.ts").scan()) {
    if (/LUNA-[A-Z]+-|\bX-\d{3}\b/.test(await Bun.file(file).text())) files.push(`./${file}`);
  }
  return files.sort();
}

/** Ids in the names of tests. A test that failed once spoils all that it names; a skipped one says nothing. */
function idsOf(report: string): { readonly passed: Set<string>; readonly failed: Set<string> } {
  const passed = new Set<string>();
  const failed = new Set<string>();
  for (const [, attributes, inside] of report.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    if (inside?.includes("<skipped")) continue;
    const into = inside?.includes("<failure") || inside?.includes("<error") ? failed : passed;
    // Its own name, and those of the groups it is in.
    for (const [id] of (attributes ?? "").matchAll(ID)) into.add(id);
  }
  return { passed, failed };
}

async function tellAnswers(file: string): Promise<void> {
  const seen = new Set((await Bun.file(file).text()).split("\n"));
  const described = DESCRIBED_OPERATIONS.flatMap(({ name, statuses }) =>
    statuses.map((status) => ({ answer: `${name} ${status}`, status })),
  );
  const wanted = described.filter(({ status }) => !UNREACHABLE.has(status));
  const unseen = wanted.filter(({ answer }) => !seen.has(answer));
  tell(
    "Described answers that were not seen",
    unseen.map(({ answer }) => answer),
  );
  const operations = DESCRIBED_OPERATIONS.filter(({ name }) =>
    [...seen].some((answer) => answer.startsWith(`${name} `)),
  );
  console.log(
    `${operations.length} of ${DESCRIBED_OPERATIONS.length} operations were answered, each answer as described.`,
  );
  console.log(
    `${wanted.length - unseen.length} of ${wanted.length} described answers were seen, beside those to failures of the server.`,
  );
}

function tell(what: string, ids: readonly string[]): void {
  if (ids.length > 0) console.log(`${what} (${ids.length}): ${ids.join(", ")}`);
}
