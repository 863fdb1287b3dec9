/** All checks of the doctor, one after the other, so that each is told as soon as it is known. */
import { loadSettings, PROJECT_DIR } from "../../settings/load.ts";
import type { Settings } from "../../settings/schema.ts";
import type { GlobalOptions } from "../program.ts";
import { errorLines } from "../report.ts";
import { type Check, type Finding, missing, ok } from "./finding.ts";
import { installationChecks } from "./installation.ts";
import { mendOf } from "./mends.ts";
import { runtimeChecks } from "./runtime.ts";

/** What one check found. */
export interface CheckResult {
  readonly name: string;
  readonly finding: Finding;
}

/** Looks at everything; without valid settings, at what needs none. */
export async function* checksFor({ config, verbose = false }: GlobalOptions): AsyncGenerator<CheckResult> {
  const look = async ({ name, look }: Check, settings?: Settings): Promise<CheckResult> => {
    try {
      return { name, finding: await look() };
    } catch (thrown) {
      return { name, finding: missing(reason(thrown, verbose), mendOf(thrown, settings)) };
    }
  };
  for (const check of runtimeChecks(PROJECT_DIR)) yield await look(check);
  let settings: Settings;
  try {
    settings = await loadSettings(config === undefined ? {} : { file: config });
  } catch (thrown) {
    yield { name: "settings", finding: missing(reason(thrown, verbose), "correct the lines named") };
    return;
  }
  yield { name: "settings", finding: ok("valid") };
  for (const check of installationChecks(settings)) yield await look(check, settings);
}

/** The error's own lines; what the codes' table says to do is said by the finding. */
function reason(thrown: unknown, verbose: boolean): string {
  return errorLines(thrown, verbose)
    .filter((line) => !line.startsWith("  mend: "))
    .join("\n");
}
