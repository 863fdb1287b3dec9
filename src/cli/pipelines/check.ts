/** `facewire pipelines check`. */
import { readFile } from "node:fs/promises";
import { FacewireError } from "../../errors.ts";
import { type Problem, problemText } from "../../yaml/problem.ts";
import { note, printLine } from "../output.ts";
import { openPipelineFolder } from "../pipeline-folder.ts";
import type { GlobalOptions } from "../program.ts";
import { EXIT } from "../report.ts";
import { settingsOf } from "../settings.ts";
import { plural } from "../units.ts";

/** Checks files by path, and with the word `all` those of the pipelines folder; prints each problem on a line. */
export async function checkPipelines(files: readonly string[], options: GlobalOptions): Promise<number> {
  const folder = await openPipelineFolder(await settingsOf(options));
  // Read in any case: a file may use pipelines of the folder.
  const readings = await folder.read();
  const found = new Map<string, FacewireError | undefined>();
  for (const file of files) {
    if (file === "all") for (const reading of readings) found.set(reading.file, reading.error);
    else found.set(file, await errorOf(async () => folder.check(await read(file), file)));
  }
  for (const [file, error] of found) for (const line of problemLines(file, error)) await printLine(line);
  const broken = [...found.values()].filter((error) => error !== undefined).length;
  note(
    broken === 0 ? `${plural(found.size, "pipeline")} right` : `${broken} of ${plural(found.size, "pipeline")} broken`,
  );
  return broken === 0 ? EXIT.ok : EXIT.failed;
}

function problemLines(file: string, error: FacewireError | undefined): string[] {
  if (error === undefined) return [];
  const problems = error.details?.problems as readonly Problem[] | undefined;
  return problems?.map(problemText) ?? [`${file}: ${error.message}`];
}

async function errorOf(check: () => Promise<unknown>): Promise<FacewireError | undefined> {
  try {
    await check();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof FacewireError && thrown.code !== "usage") return thrown;
    throw thrown;
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new FacewireError("usage", `${file} does not exist or may not be read.`, { cause });
  }
}
