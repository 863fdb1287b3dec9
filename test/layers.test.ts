/** Imports go downwards only, so that each layer can be read, tested and changed without those above it. */
import { describe, expect, test } from "bun:test";
import { dirname, join, normalize } from "node:path";

const SOURCES = join(import.meta.dir, "../src");
/** Each folder may import those of lower rows, and those of its own but for what is kept apart. */
const LAYERS: readonly (readonly string[])[] = [
  ["app", "cli", "testing"],
  ["api/native", "api/luna"],
  ["api"],
  ["gallery", "jobs", "events", "dead-letters"],
  ["pipeline"],
  ["stages", "store"],
  ["inference"],
  ["media", "actors"],
  ["bus", "net", "observe", "settings", "yaml"],
];
/** Neighbours that know nothing of each other all the same. */
const APART: readonly (readonly [string, string])[] = [
  ["api/luna", "api/native"],
  ["api/native", "api/luna"],
  ["gallery", "jobs"],
  ["jobs", "gallery"],
  ["stages", "store"],
  ["store", "stages"],
  ["actors", "media"],
  ["media", "actors"],
];

interface Import {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** The folder that a file of the sources belongs to; undefined for files that stand alone, such as `errors.ts`. */
function folderOf(file: string): string | undefined {
  const [first, second, third] = file.split("/");
  if (second === undefined) return undefined;
  return first === "api" && third !== undefined ? `${first}/${second}` : first;
}

const imports: Import[] = [];
for (const file of new Bun.Glob("**/*.ts").scanSync(SOURCES)) {
  const text = await Bun.file(join(SOURCES, file)).text();
  for (const [, path = ""] of text.matchAll(/^(?:import|export|\} from|.*\bimport\().*?"(\.[^"]+)"/gm)) {
    const from = folderOf(file);
    const to = folderOf(normalize(join(dirname(file), path)));
    if (from !== undefined && to !== undefined && from !== to) imports.push({ file, from, to });
  }
}
const rowOf = (folder: string) => LAYERS.findIndex((row) => row.includes(folder));
const told = ({ file, to }: Import) => `${file} imports ${to}`;

describe("Imports", () => {
  test("are of folders that have their place", () => {
    expect(imports.length).toBeGreaterThan(500);
    const folders = new Set(imports.flatMap(({ from, to }) => [from, to]));
    expect([...folders].filter((folder) => rowOf(folder) < 0 && folder !== "..")).toEqual([]);
  });

  test("go downwards only", () => {
    expect(imports.filter(({ from, to }) => rowOf(to) >= 0 && rowOf(to) < rowOf(from)).map(told)).toEqual([]);
  });

  test("do not tie together what stays apart", () => {
    expect(imports.filter((each) => APART.some(([a, b]) => each.from === a && each.to === b)).map(told)).toEqual([]);
  });
});
