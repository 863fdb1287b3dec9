/**
 * The inference worker: a thread that owns its sessions and takes one item at a time from picture to faces. It decodes,
 * runs every stage and answers; nothing of an item leaves the thread in between. It never ends while it computes,
 * because ending a thread inside the native runtime would take the whole process down.
 */
import { parentPort, workerData } from "node:worker_threads";
import { FacewireError } from "../errors.ts";
import { LoadedModels } from "../inference/loaded-models.ts";
import { decodePicture } from "../media/decode.ts";
import { drawAnnotations } from "../media/draw.ts";
import { readExif } from "../media/exif.ts";
import type { Picture } from "../media/picture.ts";
import type { Item } from "../stages/item.ts";
import { StageRegistry } from "../stages/registry.ts";
import { annotationsOf } from "./annotations.ts";
import { Executor, type ItemControl, type ItemRun } from "./executor.ts";
import type { Plan } from "./plan.ts";
import { stagesOf } from "./plan.ts";
import type { FromWorker, ItemOutcome, ItemTask, ToWorker, WorkerSetup } from "./protocol.ts";

const port = parentPort;
if (!port) throw new Error("the inference worker is started by the engine, not by hand");
const setup = workerData as WorkerSetup;
const cancelled = new Int32Array(setup.cancelled);
const registry = await StageRegistry.load(setup.stageFiles);
const models = new LoadedModels(setup.cards, setup.modelFiles);
const executors = new Map<string, { readonly plan: Plan; readonly executor: Executor }>();
/** Items that wait for slots of a pool, by lease. */
const leases = new Map<number, (error?: FacewireError) => void>();
let nextLease = 0;
let running = 0;
let stopping = false;

function send(message: FromWorker): void {
  port?.postMessage(message);
}

port.on("message", (message: ToWorker) => {
  switch (message.type) {
    case "define":
      void define(message.key, message.plan);
      break;
    case "forget":
      executors.delete(message.key);
      void releaseUnused();
      break;
    case "run":
      void run(message.task);
      break;
    case "lease":
      leases.get(message.lease)?.(message.error && FacewireError.fromPublic(message.error));
      leases.delete(message.lease);
      break;
    case "stop":
      stopping = true;
      void endWhenIdle();
      break;
  }
});
send({ type: "ready" });

async function define(key: string, plan: Plan): Promise<void> {
  try {
    const executor = await Executor.build(plan, registry, { model: (name) => models.get(name) });
    executors.set(key, { plan, executor });
    send({ type: "defined", key });
  } catch (thrown) {
    const error = FacewireError.from(thrown, "pipeline_unavailable", "The pipeline's stages could not be built.");
    send({ type: "defined", key, error: error.toPublic(), internal: describe(thrown) });
  }
}

async function releaseUnused(): Promise<void> {
  const used = new Set<string>();
  for (const { plan } of executors.values()) {
    for (const stage of stagesOf(plan.steps)) for (const name of stage.models) used.add(name);
  }
  await models.keepOnly(used);
}

async function run(task: ItemTask): Promise<void> {
  running++;
  const outcome = await runItem(task);
  running--;
  send({ type: "done", id: task.id, outcome });
  if (stopping) void endWhenIdle();
}

async function runItem(task: ItemTask): Promise<ItemOutcome> {
  const start = performance.now();
  let decodeMs = 0;
  let picture: Picture | undefined;
  let seen: ItemOutcome["picture"];
  try {
    const built = executors.get(task.plan);
    if (!built) throw new FacewireError("pipeline_unavailable", "The pipeline is not defined in this worker.");
    const control = controlOf(task);
    control.checkpoint();
    picture = await decodePicture(task.bytes, setup.limits);
    decodeMs = performance.now() - start;
    const exif = task.exif ? await readExif(task.bytes) : undefined;
    const { width, height, format } = picture;
    seen = { width, height, format, ...(exif ? { exif } : {}) };
    const item: Item = { id: task.id, index: task.index, name: task.name, picture, faces: [] };
    const { times, traces }: ItemRun = await built.executor.run(item, control);
    const drawn = task.draw ? await drawAnnotations(picture, annotationsOf(item.faces)) : undefined;
    return { picture: seen, faces: item.faces, decodeMs, times, traces, ...(drawn ? { drawn } : {}) };
  } catch (thrown) {
    const error = FacewireError.from(thrown, "stage_failed", "The picture could not be worked on.");
    const failed = { faces: [], decodeMs, times: [], traces: [], error: error.toPublic(), internal: describe(thrown) };
    return seen ? { ...failed, picture: seen } : failed;
  } finally {
    picture?.release();
  }
}

function controlOf(task: ItemTask): ItemControl {
  return {
    explain: task.explain,
    checkpoint() {
      if (Atomics.load(cancelled, task.slot) === 1) {
        throw new FacewireError("request_cancelled", "The request is no longer wanted.");
      }
      if (Date.now() > task.deadline) throw new FacewireError("deadline_exceeded", "The deadline has passed.");
    },
    async acquire(pool, slots) {
      const lease = nextLease++;
      await new Promise<void>((resolve, reject) => {
        leases.set(lease, (error) => (error ? reject(error) : resolve()));
        send({ type: "acquire", lease, id: task.id, pool, slots });
      });
      return () => send({ type: "release", lease });
    },
  };
}

async function endWhenIdle(): Promise<void> {
  if (running > 0) return;
  await models.keepOnly(new Set());
  port?.close();
}

/** The whole chain of causes, for logs only. */
function describe(thrown: unknown): string {
  const lines: string[] = [];
  for (let error: unknown = thrown; error !== undefined && lines.length < 5; ) {
    lines.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    error = error instanceof Error ? error.cause : undefined;
  }
  return lines.join("\ncaused by: ");
}
