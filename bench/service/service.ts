/** The serving process and the process that makes requests of it, ready to be measured. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "../child.ts";
import type { LoadAnswers, LoadOrder, LoadReport } from "../load/protocol.ts";
import type { EncodedPicture } from "../pictures.ts";
import { PIPELINES, type Setup } from "../setup.ts";
import type { ServiceAnswers, ServiceOrder } from "./protocol.ts";

/** More than ever wait at once: Bun makes no more requests than this at a time. */
const MOST_REQUESTS = "4096";

/** Both processes. */
export interface Service {
  readonly server: Child<ServiceOrder, ServiceAnswers>;
  readonly load: Child<LoadOrder, LoadAnswers>;
  /** Milliseconds from starting the process until it answered requests. */
  readonly startMs: number;
  /** Gives both the pictures that the next measurements use. */
  use(pictures: readonly EncodedPicture[]): Promise<void>;
  stop(): Promise<void>;
}

/** The serving process alone. */
export interface Server {
  readonly server: Child<ServiceOrder, ServiceAnswers>;
  readonly url: string;
  /** Of the LUNA dialect, where `env` lets it listen. */
  readonly lunaUrl: string | undefined;
  /** Milliseconds from starting the process until it answered requests. */
  readonly startMs: number;
  stop(): Promise<void>;
}

/**
 * Starts the server with the settings of this installation and those of `env`, on a free port and with a database of its
 * own.
 */
export async function startServer(setup: Setup, env: Readonly<Record<string, string>> = {}): Promise<Server> {
  const startedAt = performance.now();
  const dataDir = await mkdtemp(join(tmpdir(), "facewire-bench-"));
  const { child: server, ready } = await Child.start<ServiceOrder, ServiceAnswers>(
    join(import.meta.dirname, "process.ts"),
    {
      FACEWIRE_LISTEN_NATIVE: "127.0.0.1:0",
      FACEWIRE_LISTEN_LUNA: "off",
      FACEWIRE_DATA_DIR: dataDir,
      FACEWIRE_MODELS_CACHE: setup.settings.models_cache,
      ...env,
    },
  );
  return {
    server,
    url: ready.url,
    lunaUrl: ready.lunaUrl,
    startMs: performance.now() - startedAt,
    async stop() {
      await server.ask({ type: "stop" });
      await server.end();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Starts the process that makes requests. */
export async function startLoad(): Promise<Child<LoadOrder, LoadAnswers>> {
  const { child } = await Child.start<LoadOrder, LoadAnswers>(join(import.meta.dirname, "../load/process.ts"), {
    BUN_CONFIG_MAX_HTTP_REQUESTS: MOST_REQUESTS,
  });
  return child;
}

/** Starts the server and the process that makes requests. */
export async function startService(setup: Setup): Promise<Service> {
  const { server, url, startMs, stop } = await startServer(setup);
  const load = await startLoad();
  return {
    server,
    load,
    startMs,
    async use(pictures) {
      await server.ask({ type: "pictures", pictures, pipelines: PIPELINES });
      await load.ask({ type: "target", url, pictures, pipelines: PIPELINES });
    },
    async stop() {
      await Promise.all([stop(), load.end()]);
    },
  };
}

/** Throws when requests failed that should not have: a rate of errors is no rate. */
export function checkAnswers(report: LoadReport): void {
  const failed = Object.entries(report.failed);
  if (failed.length > 0) {
    throw new Error(`requests failed: ${failed.map(([status, count]) => `${count} with ${status}`).join(", ")}`);
  }
}
