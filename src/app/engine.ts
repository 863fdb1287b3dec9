/** An engine made as the settings say, with the actors and the bus it runs on. The server and the commands share it. */
import { join } from "node:path";
import type { DeadLetterSink } from "../actors/dead-letters.ts";
import { ActorSystem } from "../actors/system.ts";
import type { Bus } from "../bus/bus.ts";
import { ModelCatalog } from "../inference/catalog.ts";
import type { ModelScript } from "../inference/scripted/script.ts";
import type { Logger } from "../observe/logs.ts";
import { startEngine, type TakeUp } from "../pipeline/engine.ts";
import type { EngineObserver } from "../pipeline/observer.ts";
import type { PlacementWatcher } from "../pipeline/placement/watcher.ts";
import { PlanCosts } from "../pipeline/plan-costs.ts";
import type { Engine } from "../pipeline/results.ts";
import type { VideoSettings } from "../pipeline/video-sources.ts";
import type { Settings } from "../settings/schema.ts";
import { openBus } from "./bus.ts";
import { inferenceOptions, workerCount } from "./inference.ts";
import type { Placement, PlacementParts } from "./placement.ts";
import { rolesOf } from "./roles.ts";

/** What an engine reports to, and whether it follows changed files. */
export interface EngineWishes {
  readonly deadLetters: DeadLetterSink;
  readonly observer?: EngineObserver;
  /** Told of the processes of groups. */
  readonly groupWatcher?: PlacementWatcher;
  /** Told of the bus. */
  readonly logger?: Logger;
  /** Whether changed pipeline files are taken up while it runs. */
  readonly watch: boolean;
  readonly takeUp?: TakeUp;
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
  /** Takes no more items of other processes and finishes those it has, at most for `timeoutMs`. */
  leave(timeoutMs: number): Promise<void>;
  /** Finishes what was accepted, at most for `timeoutMs`, then ends workers, actors and bus. */
  close(timeoutMs: number): Promise<void>;
}

/**
 * Starts it; resolves when every pipeline that can run is ready. Rejects with `config_invalid` for roles that do not go
 * together with the bus, `bus_unavailable`, or as `startEngine` does.
 */
export async function openEngine(settings: Settings, wishes: EngineWishes): Promise<OpenEngine> {
  const roles = rolesOf(settings);
  const { deadLetters, groupWatcher: watcher, logger } = wishes;
  await using opened = new AsyncDisposableStack();
  const models = await ModelCatalog.load(settings.models_dir);
  const bus = opened.adopt(await openBus(settings, deadLetters, logger), (open) => open.close());
  const costs = new PlanCosts();
  const placement = await placementOf(settings, { bus, models, costs, deadLetters, ...(watcher && { watcher }) });
  opened.defer(() => placement?.close());
  const actors = new ActorSystem({ bus, deadLetters });
  const engine = await startEngine({
    ...inferenceOptions(settings, models),
    pipelinesDir: settings.pipelines_dir,
    video: videoSettings(settings),
    actors,
    costs,
    ...wishes,
    scripts: await scriptsOf(models, wishes),
    ...(placement?.groups && { groups: placement.groups, runsHere: (group) => roles.inference && group === undefined }),
  });
  try {
    await placement?.join(engine.local);
  } catch (thrown) {
    await engine.drain(0);
    throw thrown;
  }
  const parts = opened.move();
  return {
    engine,
    catalog: models,
    actors,
    bus,
    workers: workerCount(settings),
    leave: async (timeoutMs) => placement?.leave(timeoutMs),
    async close(timeoutMs) {
      const deadline = Date.now() + timeoutMs;
      await placement?.leave(timeoutMs);
      await engine.drain(Math.max(0, deadline - Date.now()));
      await actors.drain(deadline);
      await parts.disposeAsync();
    },
  };
}

/** What works with other processes is loaded where a bus leads to some. */
async function placementOf(settings: Settings, parts: PlacementParts): Promise<Placement | undefined> {
  if (settings.bus === "memory") return undefined;
  const { openPlacement } = await import("./placement.ts");
  return openPlacement(settings, parts);
}

/** What checks and runs scripts is loaded for those who have some. */
async function scriptsOf(catalog: ModelCatalog, { scripts }: EngineWishes): Promise<Record<string, ModelScript>> {
  if (!scripts) return {};
  const { castScripts } = await import("../inference/scripted/cast.ts");
  return castScripts(catalog, scripts);
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
