/** `facewire pipelines test`. */
import { findPipelineTests, runPipelineTests } from "../../pipeline/pipeline-tests.ts";
import { openLocalEngine } from "../local-engine.ts";
import { note, printLine } from "../output.ts";
import type { GlobalOptions } from "../program.ts";
import { EXIT } from "../report.ts";
import { settingsOf } from "../settings.ts";
import { plural } from "../units.ts";

/** Runs test files (all of the pipelines folder when none is named) and prints each test's outcome on a line. */
export async function testPipelines(files: readonly string[], options: GlobalOptions): Promise<number> {
  const settings = await settingsOf(options);
  const chosen = files.length > 0 ? files : await findPipelineTests(settings.pipelines_dir);
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
