/**
 * The whole check of a clone: installs the locked dependencies, does the set-up for tests, then types, lint and the whole
 * suite. Ends with one plain line `N passed, N failed`: the tests of the suite, and every other step that failed.
 *
 * Nothing is imported from packages: when this starts, none may be installed.
 */
import { availableParallelism } from "node:os";
import { ensureSystemTools } from "../src/cli/system-packages.ts";
import { runStep, type StepResult } from "./verify/step.ts";
import { TEST_TOOLS } from "./verify/tools.ts";
import { failures, lastWords, testCounts, verdictLine } from "./verify/verdict.ts";

process.chdir(`${import.meta.dir}/..`);

const bun = process.execPath;
const facewire = [bun, "src/cli/main.ts"];
const SUITE = "Run the suite";
/** Each runs whole servers with a worker a core, so more of them than this only cost memory. */
const TEST_PROCESSES = Math.min(4, availableParallelism());
const results: StepResult[] = [];

async function step(name: string, command: readonly string[], capture = false): Promise<boolean> {
  const result = await runStep(name, command, capture);
  results.push(result);
  return result.ok;
}

/** Brings the programs that tests run. Outside CI the absence of one is told and the tests that need it are skipped. */
async function bringTools(): Promise<void> {
  const tell = (line: string): void => console.log(line);
  const missing = await ensureSystemTools(TEST_TOOLS, { tell });
  for (const { message } of missing) tell(message);
  if (missing.length === 0 || process.env.CI !== "true") return;
  results.push({ name: "Find the programs that tests run", ok: false, output: "", seconds: 0 });
}

/** What everything else stands on. */
async function setUp(): Promise<boolean> {
  if (!(await step("Install the locked dependencies", [bun, "install", "--frozen-lockfile", "--ignore-scripts"])))
    return false;
  if (!(await step("Bring the models", [...facewire, "models", "pull"]))) return false;
  await bringTools();
  return true;
}

if (await setUp()) {
  await step("Check types", [bun, "node_modules/typescript/bin/tsc", "-p", "."]);
  await step("Lint", [bun, "node_modules/@biomejs/biome/bin/biome", "ci", "--colors=off", "."]);
  await step("Check the shipped pipelines", [...facewire, "pipelines", "check", "all"]);
  await step("Test the shipped pipelines", [...facewire, "pipelines", "test"]);
  await step(SUITE, [bun, "test", "--timeout", "30000", `--parallel=${TEST_PROCESSES}`], true);
}

const suite = results.find((result) => result.name === SUITE);
const counts = suite === undefined ? { passed: 0, failed: 0 } : testCounts(suite.output, suite.ok);
if (suite?.ok === false) {
  const told = failures(suite.output);
  for (const failure of told.length > 0 ? told : [lastWords(suite.output)]) console.log(`\n--- Failed\n${failure}`);
}
const failedSteps = results.filter((result) => !result.ok);
if (failedSteps.length > 0) console.log(`\nFailed: ${failedSteps.map((result) => result.name).join(", ")}`);
console.log(verdictLine(counts, failedSteps.filter((result) => result !== suite).length));
process.exit(failedSteps.length === 0 ? 0 : 1);
