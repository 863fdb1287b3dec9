/** An installation of two processes: one takes requests, the other runs the stages, and nats-server is between them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startNatsServer } from "../../test/support/nats-server.ts";
import { Child } from "../child.ts";
import type { Setup } from "../setup.ts";
import { type Server, startServer } from "./service.ts";

/** What the process that runs stages is told, and what it answers. */
export interface InferenceOrder {
  readonly type: "stop";
}
interface InferenceAnswers {
  readonly ready: { readonly workers: number };
  readonly stop: object;
}

/** What went through the broker since it started. */
export interface Carried {
  readonly in_msgs: number;
  readonly in_bytes: number;
  readonly out_msgs: number;
  readonly out_bytes: number;
}

/** See the file's head. */
export interface PlacedInstallation {
  /** The process that takes requests. */
  readonly api: Server;
  /** Of all three processes. */
  readonly pids: readonly number[];
  /** Inference workers of the other. */
  readonly workers: number;
  carried(): Promise<Carried>;
  stop(): Promise<void>;
}

/** The group of `bench/pipelines`. */
const GROUPS = JSON.stringify(["faces"]);

/** Starts it; resolves when requests can be run. Throws when there is no nats-server. */
export async function startPlaced(setup: Setup, env: Readonly<Record<string, string>>): Promise<PlacedInstallation> {
  await using opened = new AsyncDisposableStack();
  const nats = opened.use(await startNatsServer());
  const over = { ...env, FACEWIRE_BUS: "nats", FACEWIRE_NATS_URL: nats.url };
  const dataDir = await mkdtemp(join(tmpdir(), "facewire-bench-"));
  opened.defer(() => rm(dataDir, { recursive: true, force: true }));
  const { child: inference, ready } = await Child.start<InferenceOrder, InferenceAnswers>(
    join(import.meta.dirname, "inference-process.ts"),
    {
      ...over,
      FACEWIRE_ROLES: JSON.stringify(["inference"]),
      FACEWIRE_GROUPS: GROUPS,
      FACEWIRE_DATA_DIR: dataDir,
      FACEWIRE_MODELS_CACHE: setup.settings.models_cache,
    },
  );
  opened.defer(async () => {
    await inference.ask({ type: "stop" });
    await inference.end();
  });
  const api = opened.adopt(await startServer(setup, { ...over, FACEWIRE_ROLES: JSON.stringify(["api"]) }), (server) =>
    server.stop(),
  );
  const parts = opened.move();
  return {
    api,
    pids: [api.server.pid, inference.pid, nats.pid!],
    workers: ready.workers,
    carried: () => nats.monitoring<Carried>("/varz"),
    stop: () => parts.disposeAsync(),
  };
}
