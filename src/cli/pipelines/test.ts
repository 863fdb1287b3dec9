/** `facewire pipelines test`. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { FacewireError } from "../../errors.ts";
import { findPipelineTests, runPipelineTests } from "../../pipeline/pipeline-tests.ts";
import { nearest } from "../../yaml/nearest.ts";
import { openLocalEngine } from "../local-engine.ts";
import { note, printLine } from "../output.ts";
import type { GlobalOptions } from "../program.ts";
import { EXIT } from "../report.ts";
import { settingsOf } from "../settings.ts";
import { plural } from "../units.ts";

const TEST_ENDING = /\.test\.ya?ml$/;

/** A word is a pipeline's name where such a test file is in the folder, else a path. */
function testFile(word: string, all: readonly string[]): string {
  const named = all.find((file) => basename(file).replace(TEST_ENDING, "") === word);
  if (named !== undefined) return named;
  if (existsSync(word)) return word;
  const names = all.map((file) => basename(file).replace(TEST_ENDING, ""));
  const near = nearest(word, names);
  const hint = near === undefined ? "" : ` Did you mean "${near}"?`;
  throw new FacewireError("usage", `There is no test file and no tested pipeline "${word}".${hint}`);
}

/** Runs test files (all of the pipelines folder when none is named) and prints each test's outcome on a line. */
export async function testPipelines(files: readonly string[], options: GlobalOptions): Promise<number> {
  const settings = await settingsOf(options);
  const all = await findPipelineTests(settings.pipelines_dir);
  const chosen = files.length > 0 ? files.map((word) => testFile(word, all)) : all;
  const local = await openLocalEngine(settings);
  let passed = 0;
  let failed = 0;
  try {
    for (const file of chosen) {
      for (const test of await runPipelineTests(local.engine, file)) {
        if (test.passed) passed++;
        else failed++;
        await printLine(`${test.passed ? "ok" : "FAILED"}  ${test.pipeline}: ${test.name}`);
        for (const failure of test.failures) await printLine(`        ${failure}`);
      }
    }
  } finally {
    await local.close();
  }
  note(`${passed} of ${plural(passed + failed, "pipeline test")} right`);
  return failed === 0 ? EXIT.ok : EXIT.failed;
}
