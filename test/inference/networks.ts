/** Tiny networks whose answers can be told by hand, made where a test needs them. */
import { createHash } from "node:crypto";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { type OnnxFile, writeOnnx } from "../../src/inference/prepare/onnx-file.ts";
import { type GraphTensor, OnnxGraph } from "../../src/inference/prepare/onnx-graph.ts";

/** Builds a network of one picture input `input` [N, channels, side, side]. */
export function network(
  channels: number,
  side: number,
  build: (graph: OnnxGraph) => readonly GraphTensor[],
  batch: number | "N" = "N",
): OnnxFile {
  const graph = new OnnxGraph();
  const outputs = build(graph);
  return graph.finish([{ name: "input", dims: [batch, channels, side, side] }], outputs);
}

/** A network that answers with `weights` x the mean of each channel: one number a row of weights. */
export function linearNetwork(channels: number, side: number, weights: readonly (readonly number[])[]): OnnxFile {
  return network(channels, side, (graph) => {
    const means = graph.node("ReduceMean", ["input"], { axes: [2, 3], keepdims: 0 });
    const columns = Array.from({ length: channels }, (_, channel) => weights.map((row) => row[channel]!));
    graph.node("MatMul", [means, graph.floats(columns.flat(), [channels, weights.length])], {}, "output");
    return [{ name: "output", dims: ["N", weights.length] }];
  });
}

/** A detector that always sees the same boxes (x0 y0 x1 y1 in 0..1) with the same scores, like UltraFace's tensors. */
export function constantDetector(side: number, faces: readonly { box: readonly number[]; score: number }[]): OnnxFile {
  return network(3, side, (graph) => {
    // Nothing of the picture is used but its number in the batch.
    const mean = graph.node("ReduceMean", ["input"], { axes: [1, 2, 3], keepdims: 0 });
    const nothing = graph.node("Mul", [mean, graph.floats([0], [])]);
    const perPicture = graph.node("Reshape", [nothing, graph.integers([-1, 1, 1])]);
    const scores = faces.flatMap(({ score }) => [1 - score, score]);
    const boxes = faces.flatMap(({ box }) => box);
    graph.node("Add", [perPicture, graph.floats(scores, [1, faces.length, 2])], {}, "scores");
    graph.node("Add", [perPicture, graph.floats(boxes, [1, faces.length, 4])], {}, "boxes");
    return [
      { name: "scores", dims: ["N", faces.length, 2] },
      { name: "boxes", dims: ["N", faces.length, 4] },
    ];
  });
}

/** The file of a network and the sha256 a card states for it when it is not prepared. */
export function fileOf(file: OnnxFile): { bytes: Uint8Array; sha256: string } {
  const bytes = writeOnnx(file);
  return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** Runs ONNX bytes on one input and gives all outputs. */
export async function runOnnx(
  bytes: Uint8Array,
  name: string,
  values: Float32Array,
  dims: readonly number[],
): Promise<Record<string, { dims: readonly number[]; data: Float32Array }>> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  try {
    const outputs = await session.run({ [name]: new Tensor("float32", values, dims) });
    return outputs as unknown as Record<string, { dims: readonly number[]; data: Float32Array }>;
  } finally {
    await session.release();
  }
}

/** Numbers in [-1, 1) that are the same in every run. */
export function numbers(count: number, seed = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
