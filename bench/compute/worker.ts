/** A thread that does the same work in two ways: bare calls of the models, and the stages of the pipelines. */
import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { LoadedModels } from "../../src/inference/loaded-models.ts";
import { pictureFromRgb } from "../../src/media/raster.ts";
import { Executor, type ItemControl } from "../../src/pipeline/executor.ts";
import type { Face, Item } from "../../src/stages/item.ts";
import { StageRegistry } from "../../src/stages/registry.ts";
import type { RawPicture } from "../pictures.ts";
import { median } from "../statistics.ts";
import { BareModels, type PreparedCall, recordingModel } from "./bare-calls.ts";
import type { ComputeAnswer, ComputeOrder, ComputeReady, ComputeSetup } from "./protocol.ts";

const port = parentPort;
if (!port) throw new Error("the compute worker is started by the benchmark, not by hand");
const setup = workerData as ComputeSetup;
const registry = await StageRegistry.load([]);
const models = new LoadedModels(setup.cards, setup.modelFiles);
const bare = await BareModels.load(setup.cards, setup.modelFiles, setup.plans);

/** Nobody cancels, nothing is limited, nobody asked for traces. */
const control: ItemControl = {
  explain: false,
  parameters: {},
  checkpoint() {},
  cross: async () => {},
  acquire: async () => () => {},
};

const executors = await Promise.all(
  setup.plans.map((plan) => Executor.build(plan, registry, { model: (name) => models.get(name) })),
);

/** Milliseconds that each copy of decoded pixels into a picture took since the block began. */
let copies: number[] = [];

/** One picture through all pipelines, each with a picture of its own: nothing that one computed serves the other. */
async function throughStages(raw: RawPicture, through: readonly Executor[]): Promise<Face[][]> {
  const faces: Face[][] = [];
  for (const executor of through) {
    const start = performance.now();
    const picture = pictureFromRgb(raw.data, raw.width, raw.height, "jpeg");
    copies.push(performance.now() - start);
    const item: Item = { id: "bench", index: 0, name: "bench", picture, faces: [] };
    await executor.run(item, control);
    picture.release();
    faces.push(item.faces);
  }
  return faces;
}

/** The calls that the stages make on each picture, with the tensors they make them with. */
const calls: PreparedCall[][] = [];
const faces: number[][] = [];
for (const raw of setup.pictures) {
  const recorded: PreparedCall[] = [];
  const recorders = await Promise.all(
    setup.plans.map((plan) =>
      Executor.build(plan, registry, {
        model: async (name) => recordingModel(await models.get(name), recorded),
      }),
    ),
  );
  const found = await throughStages(raw, recorders);
  calls.push(recorded);
  faces.push(found.map((each) => each.length));
}

async function pass(work: ComputeOrder["work"]): Promise<void> {
  if (work === "stages") for (const raw of setup.pictures) await throughStages(raw, executors);
  else for (const prepared of calls) for (const call of prepared) await bare.run(call);
}

/** Milliseconds this thread has been on a core. */
function threadCpuMs(): number {
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

port.on("message", async ({ work, passes }: ComputeOrder) => {
  copies = [];
  const cpuStart = threadCpuMs();
  const start = performance.now();
  for (let i = 0; i < passes; i++) await pass(work);
  const elapsedMs = performance.now() - start;
  const cpuMs = threadCpuMs() - cpuStart;
  // By the median: a copy that the system interrupted says nothing about copies.
  const copyMs = copies.length === 0 ? 0 : copies.length * median(copies);
  const answer: ComputeAnswer = {
    pictures: passes * setup.pictures.length,
    elapsedMs: elapsedMs - copyMs,
    cpuMs: cpuMs - copyMs,
    copyMs,
  };
  port.postMessage(answer);
});
port.postMessage({ faces } satisfies ComputeReady);
