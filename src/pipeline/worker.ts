/**
 * The inference worker: a thread that owns its sessions and takes one item at a time from picture to faces. It decodes,
 * runs every stage and answers; nothing of an item leaves the thread in between. It never ends while it computes,
 * because ending a thread inside the native runtime would take the whole process down.
 */
import { parentPort, workerData } from "node:worker_threads";
import { internalText } from "../actors/dead-letters.ts";
import { FacewireError } from "../errors.ts";
import { LoadedModels } from "../inference/loaded-models.ts";
import { nameShown } from "../inference/scripted/shown-names.ts";
import { decodePicture } from "../media/decode.ts";
import { readExif } from "../media/exif.ts";
import type { Picture } from "../media/picture.ts";
import { pictureFromFrame } from "../media/raster.ts";
import { frameJpeg } from "../media/video/frame-jpeg.ts";
import type { Face, Item } from "../stages/item.ts";
import { StageRegistry } from "../stages/registry.ts";
import { annotationsOf } from "./annotations.ts";
import { frameRank, type Snapshot } from "./best-frame.ts";
import { Executor, type ItemControl, type ItemRun } from "./executor.ts";
import { type Plan, stagesOf } from "./plan.ts";
import type { FromWorker, ItemOutcome, ItemTask, ToWorker, WorkerSetup } from "./protocol.ts";

/** A plan this worker holds, is taking up, or still has items of. */
interface Definition {
  readonly plan: Plan;
  executor: Executor | undefined;
  running: number;
  /** No new items come; it goes with its last one. */
  forgotten: boolean;
}

const port = parentPort;
if (!port) throw new Error("the inference worker is started by the engine, not by hand");
const setup = workerData as WorkerSetup;
const cancelled = new Int32Array(setup.cancelled);
const registry = await StageRegistry.load(setup.stageFiles);
const models = new LoadedModels(setup.cards, setup.modelFiles, setup.scripts);
const definitions = new Map<string, Definition>();
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
      forget(message.key);
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
      for (const answer of leases.values()) answer(shuttingDown());
      leases.clear();
      void endWhenIdle();
      break;
  }
});
send({ type: "ready" });

async function define(key: string, plan: Plan): Promise<void> {
  const definition: Definition = { plan, executor: undefined, running: 0, forgotten: false };
  definitions.set(key, definition);
  try {
    definition.executor = await Executor.build(plan, registry, { model: (name) => models.get(name) });
    send({ type: "defined", key });
    // It may have been forgotten while it was built; what it loaded since goes too.
    void dropWhenUnused(key, definition);
  } catch (thrown) {
    forget(key);
    const error = FacewireError.from(thrown, "pipeline_unavailable", "The pipeline's stages could not be built.");
    send({ type: "defined", key, error: error.toPublic(), internal: internalText(thrown) });
  }
}

function forget(key: string): void {
  const definition = definitions.get(key);
  if (!definition) return;
  definition.forgotten = true;
  void dropWhenUnused(key, definition);
}

/** A model must not be freed under an item that still runs, also one whose request has long been answered. */
async function dropWhenUnused(key: string, definition: Definition): Promise<void> {
  if (!definition.forgotten || definition.running > 0) return;
  if (definitions.get(key) === definition) definitions.delete(key);
  const used = new Set<string>();
  for (const { plan } of definitions.values()) {
    for (const stage of stagesOf(plan.steps)) for (const name of stage.models) used.add(name);
  }
  await models.keepOnly(used);
}

async function run(task: ItemTask): Promise<void> {
  running++;
  const definition = definitions.get(task.plan);
  if (definition) definition.running++;
  const outcome = await runItem(task, definition?.executor);
  running--;
  if (definition) {
    definition.running--;
    void dropWhenUnused(task.plan, definition);
  }
  sendOutcome(task.id, outcome);
  if (stopping) void endWhenIdle();
}

/** A stage of a user's own may write what no message carries; that is a failure of the stage, not of the worker. */
function sendOutcome(id: string, outcome: ItemOutcome): void {
  try {
    send({ type: "done", id, outcome });
  } catch (thrown) {
    const error = new FacewireError("stage_failed", "A stage wrote what cannot be sent on.").toPublic();
    const { decodeMs, times } = outcome;
    const failed = { faces: [], decodeMs, times, traces: [], error, internal: internalText(thrown) };
    send({ type: "done", id, outcome: failed });
  }
}

async function runItem(task: ItemTask, executor: Executor | undefined): Promise<ItemOutcome> {
  const start = performance.now();
  let decodeMs = 0;
  let item: Item | undefined;
  let seen: ItemOutcome["picture"];
  try {
    if (!executor) throw new FacewireError("pipeline_unavailable", "The pipeline is not defined in this worker.");
    const control = controlOf(task);
    control.checkpoint();
    item = { id: task.id, index: task.index, name: task.name, picture: await pictureOf(task), faces: [...task.faces] };
    nameShown(item.picture, task.name);
    decodeMs = performance.now() - start;
    seen = await pictureFacts(task, item.picture);
    const { times, traces }: ItemRun = await executor.run(item, control);
    const extras = await extrasOf(task, item);
    return { picture: seen, faces: item.faces, decodeMs, times, traces, ...extras };
  } catch (thrown) {
    const error = FacewireError.from(thrown, "stage_failed", "The picture could not be worked on.");
    const carried = item && error.code === "stage_failed" ? await carriedFrame(task, item.picture) : undefined;
    return {
      faces: [],
      decodeMs,
      times: [],
      traces: [],
      error: error.toPublic(),
      internal: internalText(thrown),
      ...(seen ? { picture: seen } : {}),
      ...(carried ? { carried } : {}),
    };
  } finally {
    item?.picture.release();
  }
}

/** What draws brings a font and its reader along: most workers never draw, and start sooner without. */
async function draw(picture: Picture, faces: readonly Face[]): Promise<Uint8Array> {
  const { drawAnnotations } = await import("../media/draw.ts");
  return drawAnnotations(picture, annotationsOf(faces));
}

function pictureOf({ input }: ItemTask): Promise<Picture> | Picture {
  return input.type === "frame" ? pictureFromFrame(input.pixels) : decodePicture(input.bytes, setup.limits);
}

async function pictureFacts({ input, exif }: ItemTask, picture: Picture): Promise<ItemOutcome["picture"]> {
  const { width, height, format } = picture;
  const fields = exif && input.type === "file" ? await readExif(input.bytes) : undefined;
  return { width, height, format, ...(fields ? { exif: fields } : {}) };
}

/** What is wanted of an item beside its faces. */
async function extrasOf(task: ItemTask, item: Item): Promise<Pick<ItemOutcome, "drawn" | "carried" | "snapshot">> {
  const { picture, faces } = item;
  const drawn = task.draw ? await draw(picture, faces) : undefined;
  const carried = task.carry ? await carriedFrame(task, picture) : undefined;
  const snapshot = await snapshotOf(task, item);
  return { ...(drawn && { drawn }), ...(carried && { carried }), ...(snapshot && { snapshot }) };
}

async function snapshotOf({ snapshotAbove }: ItemTask, { picture, faces }: Item): Promise<Snapshot | undefined> {
  const rank = frameRank(faces);
  if (snapshotAbove === undefined || rank === undefined || rank <= snapshotAbove) return undefined;
  const { width, height } = picture;
  return { rank, width, height, jpeg: await picture.jpeg({ x: 0, y: 0, width, height }, {}) };
}

/** A frame as it goes to another place; undefined where the item is a file, which goes as it is. */
async function carriedFrame({ input }: ItemTask, picture: Picture): Promise<Uint8Array | undefined> {
  return input.type === "frame" ? frameJpeg(picture) : undefined;
}

function controlOf(task: ItemTask): ItemControl {
  let crossed = false;
  return {
    explain: task.explain,
    parameters: task.parameters,
    async cross(item) {
      if (crossed || task.input.type === "file") return;
      crossed = true;
      const raw = item.picture;
      item.picture = await decodePicture(await frameJpeg(raw), setup.limits);
      nameShown(item.picture, item.name);
      raw.release();
    },
    checkpoint() {
      if (Atomics.load(cancelled, task.slot) === 1) {
        throw new FacewireError("request_cancelled", "The request is no longer wanted.");
      }
      if (Date.now() > task.deadline) throw new FacewireError("deadline_exceeded", "The deadline has passed.");
    },
    async acquire(pool, slots) {
      if (stopping) throw shuttingDown();
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

function shuttingDown(): FacewireError {
  return new FacewireError("shutting_down", "The worker is stopping.");
}
