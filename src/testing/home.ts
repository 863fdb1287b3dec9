/** The private folder of a test server: its pipelines, and what the server writes. Gone when the server is. */
import { rmSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { FacewireError } from "../errors.ts";
import { PROJECT_DIR } from "../settings/load.ts";
import { nearest } from "../yaml/nearest.ts";

/**
 * A pipeline: the text of its file, or the same as an object. `name` is the one it is given under, and `description` may
 * be left out.
 */
export type PipelineSource = string | Readonly<Record<string, unknown>>;

/** Folder of the pipelines that come with Facewire. */
const SHIPPED = join(PROJECT_DIR, "pipelines");
const SHIPPED_FILE = /^([^.]+)\.yaml$/;

/** See the file's head. */
export interface Home extends AsyncDisposable {
  readonly dataDir: string;
  readonly pipelinesDir: string;
  /** Writes a pipeline's file; a running server takes it up. */
  writePipeline(name: string, source: PipelineSource): Promise<void>;
  removePipeline(name: string): Promise<void>;
}

/** Folders of servers that nobody has stopped; a process that ends takes them along. */
const open = new Set<string>();
process.on("exit", () => {
  for (const folder of open) rmSync(folder, { recursive: true, force: true });
});

/** Makes one with pipelines of the test's own and shipped ones: all, none, or those that are named. */
export async function makeHome(
  pipelines: Readonly<Record<string, PipelineSource>>,
  shipped: boolean | readonly string[],
): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), "facewire-test-"));
  open.add(folder);
  const remove = async () => {
    await rm(folder, { recursive: true, force: true });
    open.delete(folder);
  };
  const pipelinesDir = join(folder, "pipelines");
  const fileOf = (name: string) => join(pipelinesDir, `${name}.yaml`);
  const writePipeline = (name: string, source: PipelineSource) => writeFile(fileOf(name), pipelineText(name, source));
  try {
    await mkdir(pipelinesDir);
    const names = (await shippedNames(shipped)).filter((name) => !Object.hasOwn(pipelines, name));
    await Promise.all(names.map((name) => copyFile(join(SHIPPED, `${name}.yaml`), fileOf(name))));
    await Promise.all(Object.entries(pipelines).map(([name, source]) => writePipeline(name, source)));
  } catch (thrown) {
    await remove();
    throw thrown;
  }
  return {
    dataDir: join(folder, "data"),
    pipelinesDir,
    writePipeline,
    removePipeline: (name) => rm(fileOf(name)),
    [Symbol.asyncDispose]: remove,
  };
}

async function shippedNames(wanted: boolean | readonly string[]): Promise<readonly string[]> {
  if (wanted === false) return [];
  const known = (await readdir(SHIPPED)).flatMap((file) => SHIPPED_FILE.exec(file)?.[1] ?? []);
  if (wanted === true) return known;
  const wrong = wanted.find((name) => !known.includes(name));
  if (wrong === undefined) return wanted;
  const near = nearest(wrong, known);
  const hint = near === undefined ? "" : ` Did you mean "${near}"?`;
  throw new FacewireError("pipeline_unknown", `No shipped pipeline is called "${wrong}".${hint}`, {
    details: { known },
  });
}

/** What is missing is put at the end, so that errors name the lines of the test's own text. */
function pipelineText(name: string, source: PipelineSource): string {
  const text = typeof source === "string" ? source : stringify(source);
  const missing = [
    /^name:/m.test(text) ? "" : `name: ${name}\n`,
    /^description:/m.test(text) ? "" : "description: For a test.\n",
  ];
  return `${text}${text.endsWith("\n") ? "" : "\n"}${missing.join("")}`;
}
