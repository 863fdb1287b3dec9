/** An engine made as the settings say, with the actors and the bus it runs on. The server and the commands share it. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { DeadLetterSink } from "../actors/dead-letters.ts";
import { ActorSystem } from "../actors/system.ts";
import type { Bus } from "../bus/bus.ts";
import { MemoryBus } from "../bus/memory-bus.ts";
import { ModelCatalog } from "../inference/catalog.ts";
import type { ModelScript } from "../inference/scripted/script.ts";
import type { PictureLimits } from "../media/limits.ts";
import { startEngine } from "../pipeline/engine.ts";
import type { EngineObserver } from "../pipeline/observer.ts";
import type { PoolSettings } from "../pipeline/pools.ts";
import type { Engine } from "../pipeline/results.ts";
import type { VideoSettings } from "../pipeline/video-sources.ts";
import type { Settings } from "../settings/schema.ts";

/** Waiting pictures hold at most the bytes of this many bodies of the largest size, whatever their number. */
const QUEUED_BODIES = 8;

/** What an engine reports to, and whether it follows changed files. */
export interface EngineWishes {
  readonly deadLetters: DeadLetterSink;
  readonly observer?: EngineObserver;
  /** Whether changed pipeline files are taken up while it runs. */
  readonly watch: boolean;
  /** See `EngineOptions.takeUp`. */
  readonly takeUp?: "wait" | "background";
  /** Stand-ins for models by name or alias, for tests: see `castScripts`. */
  readonly scripts?: Readonly<Record<string, ModelScript>>;
}

/** A running engine. */
export interface OpenEngine {
  readonly engine: Engine;
  readonly catalog: ModelCatalog;
  readonly actors: ActorSystem;
  readonly bus: Bus;
  /** Inference workers it has. */
  readonly workers: number;
  /** Finishes what was accepted, at most for `timeoutMs`, then ends workers, actors and bus. */
  close(timeoutMs: number): Promise<void>;
}

/** Starts it; resolves when every pipeline that can run is ready. */
export async function openEngine(settings: Settings, wishes: EngineWishes): Promise<OpenEngine> {
  const catalog = await ModelCatalog.load(settings.models_dir);
  const bus = new MemoryBus();
  const actors = new ActorSystem({ bus, deadLetters: wishes.deadLetters });
  const workers = workerCount(settings);
  const engine = await startEngine({
    pipelinesDir: settings.pipelines_dir,
    stageFiles: settings.stages.extra,
    models: catalog,
    modelsCache: settings.models_cache,
    limits: pictureLimits(settings),
    video: videoSettings(settings),
    workers,
    itemsPerWorker: settings.inference.items_per_worker,
    maxAttempts: settings.inference.max_attempts,
    pools: poolSettings(settings),
    queue: { limit: settings.queue.limit, maxBytes: QUEUED_BODIES * settings.http.max_body },
    actors,
    ...wishes,
    scripts: await scriptsOf(catalog, wishes),
  });
  return {
    engine,
    catalog,
    actors,
    bus,
    workers,
    async close(timeoutMs) {
      const deadline = Date.now() + timeoutMs;
      await engine.drain(timeoutMs);
      await actors.drain(deadline);
      await bus.close();
    },
  };
}

/** What checks and runs scripts is loaded for those who have some. */
async function scriptsOf(catalog: ModelCatalog, { scripts }: EngineWishes): Promise<Record<string, ModelScript>> {
  if (!scripts) return {};
  const { castScripts } = await import("../inference/scripted/cast.ts");
  return castScripts(catalog, scripts);
}

/** Inference workers: as many as the settings say, or one a core. */
export function workerCount(settings: Settings): number {
  const { workers } = settings.inference;
  return workers === "auto" ? availableParallelism() : workers;
}

/** The named pools with `auto` worked out. */
export function poolSettings(settings: Settings): Record<string, PoolSettings> {
  const workers = workerCount(settings);
  return Object.fromEntries(
    Object.entries(settings.pools).map(([name, { slots, queue }]) => [
      name,
      { slots: slots === "auto" ? workers : slots, queue },
    ]),
  );
}

function videoSettings({ video, data_dir }: Settings): VideoSettings {
  return {
    ffmpeg: video.ffmpeg,
    limits: {
      maxDurationMs: video.max_duration,
      maxPixels: video.max_pixels,
      maxSide: video.max_side,
      maxStreams: video.max_streams,
      probeTimeoutMs: video.probe_timeout,
      stallTimeoutMs: video.stall_timeout,
    },
    maxBytes: video.max_bytes,
    maxRunDurationMs: video.max_run_duration,
    concurrent: video.concurrent,
    tempDir: join(data_dir, "tmp"),
  };
}

function pictureLimits({ pictures }: Settings): PictureLimits {
  return {
    maxBytes: pictures.max_bytes,
    maxPixels: pictures.max_pixels,
    minSide: pictures.min_side,
    decodeTimeoutMs: pictures.decode_timeout,
    truncated: pictures.truncated,
  };
}
