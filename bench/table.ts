/** Results as text: one table, and what changed against another run. */
import { table } from "../src/cli/table.ts";
import { type BenchResult, type BenchRow, holds } from "./result.ts";

/** The lines above the table. */
export function headingOf({ machine, revision, versions, startedAt, quick }: BenchResult): string[] {
  return [
    `${machine.cores} x ${machine.cpu} (${machine.vectors.join(" ")}), ${machine.memoryGiB} GiB, ${machine.system}`,
    [
      ...Object.entries(versions).map(([name, version]) => `${name} ${version}`),
      `revision ${revision ?? "unknown"}`,
    ].join(", "),
    `${startedAt}${quick ? ", quick: too short to quote" : ""}`,
  ];
}

/** The table; with `earlier`, what each row was then and how it changed. */
export function tableOf({ rows }: BenchResult, earlier?: BenchResult): string[] {
  const before = new Map(earlier?.rows.map((row) => [keyOf(row), row]));
  const heading = [
    "group",
    "what",
    "value",
    "unit",
    "10 to 90 %",
    "target",
    "",
    ...(earlier ? ["before", "change"] : []),
    "how",
  ];
  return table(
    heading,
    rows.map((row) => {
      const old = before.get(keyOf(row));
      const { spread } = row;
      return [
        row.group,
        row.name,
        shown(row.value),
        row.unit,
        spread ? `${shown(spread.low)} to ${shown(spread.high)}` : "",
        targetOf(row),
        verdictOf(row),
        ...(earlier ? [old ? shown(old.value) : "", old ? changeOf(old.value, row.value) : ""] : []),
        row.note ?? "",
      ];
    }),
  );
}

function keyOf({ group, name }: BenchRow): string {
  return `${group}\n${name}`;
}

function targetOf({ target }: BenchRow): string {
  if (!target) return "";
  return "least" in target ? `>= ${target.least}` : `<= ${target.most}`;
}

function verdictOf(row: BenchRow): string {
  const held = holds(row);
  return held === undefined ? "" : held ? "held" : "MISSED";
}

/** Three digits that count. */
function shown(value: number): string {
  if (!Number.isFinite(value)) return "none";
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toFixed(digits);
}

function changeOf(before: number, now: number): string {
  if (!(Math.abs(before) > 0) || !Number.isFinite(now)) return "";
  const percent = 100 * (now / before - 1);
  return `${percent >= 0 ? "+" : ""}${percent.toFixed(1)} %`;
}
