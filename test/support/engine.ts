/** Starts a real engine on pipelines written in the test. */
import { cp, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type DeadLetter, MemoryDeadLetters } from "../../src/actors/dead-letters.ts";
import { ActorSystem } from "../../src/actors/system.ts";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { ModelCatalog } from "../../src/inference/catalog.ts";
import { type EngineOptions, startEngine } from "../../src/pipeline/engine.ts";
import type { ItemReport } from "../../src/pipeline/observer.ts";
import type { Engine, RunRequest, RunResult } from "../../src/pipeline/results.ts";
import { temporaryFolder } from "./temp-folder.ts";

const ROOT = resolve(import.meta.dir, "../..");
/** Prepared models, shared by all tests. */
export const MODELS_CACHE = join(process.env.FACEWIRE_DATA_DIR ?? join(ROOT, ".facewire"), "models");
/** A user's own stage files for tests; see there. */
export const FIXTURE_STAGES = [join(ROOT, "test/fixtures/probe-stage.ts"), join(ROOT, "test/fixtures/mark-stage.ts")];
const SAMPLES = join(ROOT, "node_modules/@vladmandic/face-api/demo");

/** Bytes of `sample1.jpg` and so on: photographs of three to six people. */
export async function samplePicture(name: string): Promise<Uint8Array> {
  return new Uint8Array(await Bun.file(join(SAMPLES, name)).arrayBuffer());
}

/** The smallest picture that decodes: 32 x 32, grey, PGM. For tests that are not about faces. */
export const PLAIN_PICTURE: Uint8Array = new Uint8Array(
  Buffer.concat([Buffer.from("P5 32 32 255\n"), Buffer.alloc(32 * 32, 128)]),
);

/** An engine with its surroundings. */
export interface TestEngine extends AsyncDisposable {
  readonly engine: Engine;
  readonly letters: readonly DeadLetter[];
  readonly reports: readonly ItemReport[];
  /** Folder of its pipelines. */
  readonly pipelinesDir: string;
  /** Writes a pipeline file. */
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Runs one plain picture, or the given ones. */
  run(pipeline: string, options?: Partial<RunRequest>): Promise<RunResult>;
}

/** Starts an engine over pipelines by name; each text without its `name:` line. */
export async function testEngine(
  pipelines: Readonly<Record<string, string>>,
  options: Partial<EngineOptions> = {},
): Promise<TestEngine> {
  const pipelinesDir = temporaryFolder("facewire-pipelines-");
  const write = (name: string, text: string) => writeFile(join(pipelinesDir, `${name}.yaml`), named(name, text));
  for (const [name, text] of Object.entries(pipelines)) await write(name, text);
  const deadLetters = new MemoryDeadLetters();
  const reports: ItemReport[] = [];
  const engine = await startEngine({
    pipelinesDir,
    stageFiles: FIXTURE_STAGES,
    models: await ModelCatalog.load(join(ROOT, "models")),
    modelsCache: MODELS_CACHE,
    limits: { maxBytes: 20e6, maxPixels: 50e6, minSide: 16, decodeTimeoutMs: 5000, truncated: "refuse" },
    video: {
      ffmpeg: "ffmpeg",
      limits: {
        maxDurationMs: 60_000,
        maxPixels: 9e6,
        maxSide: 1920,
        maxStreams: 32,
        probeTimeoutMs: 10_000,
        stallTimeoutMs: 20_000,
      },
      maxBytes: 64e6,
      maxRunDurationMs: 60_000,
      concurrent: 4,
      tempDir: temporaryFolder("facewire-videos-"),
    },
    workers: 1,
    itemsPerWorker: 2,
    maxAttempts: 3,
    pools: { default: { slots: 2, queue: 64 } },
    queue: { limit: 64, maxBytes: 100e6 },
    actors: new ActorSystem({ bus: new MemoryBus(), deadLetters }),
    deadLetters,
    observer: { item: (report) => reports.push(report) },
    watch: true,
    ...options,
  });
  let id = 0;
  return {
    engine,
    letters: deadLetters.letters,
    reports,
    pipelinesDir,
    write,
    remove: (name) => rm(join(pipelinesDir, `${name}.yaml`)),
    run: (pipeline, request = {}) =>
      engine.run({
        id: `test-${++id}`,
        pipeline,
        files: [{ name: "plain.pgm", bytes: PLAIN_PICTURE }],
        ...request,
      }),
    async [Symbol.asyncDispose]() {
      await engine.drain(1000);
      await rm(pipelinesDir, { recursive: true, force: true });
    },
  };
}

/** A copy of the prepared models that a test may damage; dispose of it with `rm`. */
export async function copyOfModels(): Promise<string> {
  const folder = temporaryFolder("facewire-models-");
  await cp(MODELS_CACHE, folder, { recursive: true, filter: (path) => !path.includes("downloads") });
  return folder;
}

function named(name: string, text: string): string {
  return `name: ${name}\ndescription: For a test.\n${text}`;
}
