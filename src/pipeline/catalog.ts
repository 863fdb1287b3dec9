/**
 * The pipelines of a folder: read at the start, read again when a file changes. A pipeline whose file is broken keeps its
 * last good version; one that never was good is listed with its error.
 */
import { constants } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { FacewireError } from "../errors.ts";
import type { ModelCatalog } from "../inference/catalog.ts";
import type { StageRegistry } from "../stages/registry.ts";
import { watchFolder } from "./folder-watch.ts";
import { type PlannedPipeline, type PlannerContext, planPipeline } from "./planner.ts";

/** A pipeline file as it was read last. */
interface PipelineFile {
  readonly name: string;
  /** Relative to the folder. */
  readonly file: string;
  /** Empty when the file cannot be read. */
  readonly text: string;
  /** Why the text cannot be what is meant: the file cannot be read, or another one has its name. */
  readonly fault?: FacewireError;
}

/** What reading the folder gave for one name. */
export interface PipelineReading {
  readonly name: string;
  readonly file: string;
  readonly planned: PlannedPipeline | undefined;
  readonly error: FacewireError | undefined;
}

/** What pipelines are checked against. */
export interface CatalogContext {
  readonly stages: StageRegistry;
  readonly models: ModelCatalog;
  readonly pools: PlannerContext["pools"];
}

/** Files that are pipelines; `.test.yaml` beside them are their tests. */
const PIPELINE_FILE = /^(?<name>[^.]+)\.ya?ml$/;
/** Most files of a folder that are read. */
const MAX_FILES = 1000;

/** See the file's head. */
export class PipelineFolder {
  readonly #directory: string;
  readonly #context: CatalogContext;
  #files: readonly PipelineFile[] = [];

  constructor(directory: string, context: CatalogContext) {
    this.#directory = directory;
    this.#context = context;
  }

  /** Reads and checks every pipeline of the folder. Rejects with `config_invalid` when the folder cannot be read. */
  async read(): Promise<readonly PipelineReading[]> {
    this.#files = await readPipelineFiles(this.#directory);
    return this.#files.map(({ name, file, text, fault }) => {
      try {
        if (fault) throw fault;
        return { name, file, planned: planPipeline(text, file, this.#plannerContext(), name), error: undefined };
      } catch (thrown) {
        const error = FacewireError.from(thrown, "pipeline_invalid", "The pipeline could not be checked.");
        return { name, file, planned: undefined, error };
      }
    });
  }

  /** Checks a definition that is not in the folder, against those that are. Throws `pipeline_invalid`. */
  check(text: string, file: string): PlannedPipeline {
    return planPipeline(text, file, this.#plannerContext());
  }

  /** Calls `onChange` after files of the folder have changed and settled. The result ends the watch. */
  watch(onChange: () => void, onError: (error: Error) => void): () => void {
    return watchFolder(this.#directory, { onChange, onError });
  }

  #plannerContext(): PlannerContext {
    const byName = new Map(this.#files.map((file) => [file.name, file]));
    return { ...this.#context, source: (name) => byName.get(name), names: () => [...byName.keys()] };
  }
}

async function readPipelineFiles(directory: string): Promise<PipelineFile[]> {
  let entries: string[];
  try {
    entries = await readdir(directory);
  } catch (cause) {
    throw new FacewireError("config_invalid", "The pipelines folder cannot be read (pipelines_dir).", { cause });
  }
  const files = new Map<string, PipelineFile>();
  for (const file of entries.sort().slice(0, MAX_FILES)) {
    const name = PIPELINE_FILE.exec(file)?.groups?.name;
    if (name === undefined) continue;
    const first = files.get(name);
    const read = first ? { ...first, fault: twoFiles(name, first.file, file) } : await readOne(directory, name, file);
    if (read) files.set(name, read);
  }
  return [...files.values()];
}

/** Undefined when the file has gone since the folder was listed. */
async function readOne(directory: string, name: string, file: string): Promise<PipelineFile | undefined> {
  const path = join(directory, file);
  try {
    return { name, file, text: await readRegular(path) };
  } catch (cause) {
    // A link whose target is missing is there, though what it names is not.
    const gone = await lstat(path).then(
      () => false,
      () => true,
    );
    return gone ? undefined : { name, file, text: "", fault: unreadable(file, cause) };
  }
}

/** The text of a file. Opened so that a pipe, which has no end, is not waited for. */
async function readRegular(path: string): Promise<string> {
  await using handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (!(await handle.stat()).isFile()) throw Object.assign(new Error("It is no file."), { code: "no file" });
  return await handle.readFile("utf8");
}

function unreadable(file: string, cause: unknown): FacewireError {
  const { code = "unknown" } = cause as NodeJS.ErrnoException;
  return new FacewireError("pipeline_invalid", `${file} cannot be read (${code}).`, { cause });
}

function twoFiles(name: string, file: string, rival: string): FacewireError {
  return new FacewireError("pipeline_invalid", `${file} and ${rival} are both pipeline ${name}; keep one of them.`);
}
