/** What a run of the benchmark leaves behind: rows, and the machine and versions they hold for. One JSON file a run. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Machine } from "./machine.ts";
import type { Spread } from "./statistics.ts";

/** One line of the table. */
export interface BenchRow {
  readonly group: string;
  /** Unique within the group; runs are compared by it. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Over rounds, where there were several. */
  readonly spread?: Spread;
  /** What the issue or the design promises; a row without one is only shown. */
  readonly target?: { readonly least: number } | { readonly most: number };
  /** How the value came about, in a few words. */
  readonly note?: string;
}

/** A whole run. */
export interface BenchResult {
  /** Changes when rows of an earlier run can no longer be compared. */
  readonly format: 1;
  readonly startedAt: string;
  readonly seconds: number;
  readonly quick: boolean;
  readonly revision: string | null;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly BenchRow[];
}

/** Whether a row holds its target; undefined where it has none. */
export function holds({ target, value }: BenchRow): boolean | undefined {
  if (!target) return undefined;
  return "least" in target ? value >= target.least : value <= target.most;
}

/** Folder of the results. */
export const RESULTS = join(import.meta.dirname, "results");

/** Writes a result; `file` is made up from its time when absent. Returns the file's path. */
export async function writeResult(result: BenchResult, file?: string): Promise<string> {
  const stamp = result.startedAt.replace(/[-:]/g, "").replace(/\..*/, "Z");
  const path = file ?? join(RESULTS, `${stamp}.local.json`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(result, null, 2)}\n`);
  return path;
}

/** Reads a result. Throws when the file is not one of this format. */
export async function readResult(file: string): Promise<BenchResult> {
  const result = JSON.parse(await readFile(file, "utf8")) as BenchResult;
  if (result.format !== 1 || !Array.isArray(result.rows)) throw new Error(`${file} is not a result of this benchmark`);
  return result;
}

/**
 * The newest result of the folder that measured any of these rows as thoroughly, or undefined: a quick run says nothing
 * about a whole one.
 */
export async function newestResult(
  like: BenchResult,
): Promise<{ readonly file: string; readonly result: BenchResult } | undefined> {
  const names = await readdir(RESULTS).catch(() => [] as string[]);
  const files = names.filter((name) => name.endsWith(".json")).map((name) => join(RESULTS, name));
  const all = await Promise.all(files.map(async (file) => ({ file, result: await readResult(file) })));
  const groups = new Set(like.rows.map((row) => row.group));
  return all
    .filter(({ result }) => result.quick === like.quick && result.startedAt < like.startedAt)
    .filter(({ result }) => result.rows.some((row) => groups.has(row.group)))
    .sort((a, b) => a.result.startedAt.localeCompare(b.result.startedAt))
    .at(-1);
}
