/** All checks of the doctor, one after the other, so that each is told as soon as it is known. */
import { loadSettings, PROJECT_DIR } from "../../settings/load.ts";
import type { GlobalOptions } from "../program.ts";
import { errorLines } from "../report.ts";
import { type Check, type Finding, missing, ok } from "./finding.ts";
import { installationChecks } from "./installation.ts";
import { runtimeChecks } from "./runtime.ts";

/** What one check found. */
export interface CheckResult {
  readonly name: string;
  readonly finding: Finding;
}

/** Looks at everything; without valid settings, at what needs none. */
export async function* checksFor({ config }: GlobalOptions): AsyncGenerator<CheckResult> {
  for (const check of runtimeChecks(PROJECT_DIR)) yield { name: check.name, finding: await lookAt(check) };
  try {
    const settings = await loadSettings(config === undefined ? {} : { file: config });
    yield { name: "settings", finding: ok("valid") };
    for (const check of installationChecks(settings)) yield { name: check.name, finding: await lookAt(check) };
  } catch (thrown) {
    yield { name: "settings", finding: missing(errorLines(thrown, false).join("\n"), "correct the lines named") };
  }
}

async function lookAt(check: Check): Promise<Finding> {
  try {
    return await check.look();
  } catch (thrown) {
    return missing(errorLines(thrown, false).join("\n"), "facewire doctor --verbose");
  }
}
