/** Writing small TensorFlow.js graph models, as the converter reads them, and running what they are converted to. */
import { writeOnnx } from "../../../src/inference/prepare/onnx-file.ts";
import { readTfjsModel, type TfjsAttribute, type TfjsNode } from "../../../src/inference/prepare/tfjs-model.ts";
import { tfjsToOnnx } from "../../../src/inference/prepare/tfjs-to-onnx.ts";
import { runOnnx } from "../networks.ts";
import { type Dense, dense, toNchw } from "./nhwc.ts";

/** A constant of the graph; whole numbers are stored as int32. */
export interface GraphConstant {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
  readonly dtype?: "int32";
}

/** A graph model under construction: input `x`, output the last node. */
export interface GraphModel {
  /** Shape of the input without the batch. */
  readonly input: readonly number[];
  readonly constants?: Readonly<Record<string, GraphConstant>>;
  readonly nodes: readonly TfjsNode[];
}

/** A string attribute. */
export const text = (value: string): TfjsAttribute => ({ s: Buffer.from(value).toString("base64") });
/** A list of strings. */
export const texts = (...values: string[]): TfjsAttribute => ({
  list: { s: values.map((value) => Buffer.from(value).toString("base64")) },
});
/** A list of integers, as text like the real files have them. */
export const list = (...values: number[]): TfjsAttribute => ({ list: { i: values.map(String) } });

/** The JSON and the weight file of a graph model. */
export function writeGraphModel({ input, constants = {}, nodes }: GraphModel): {
  json: Uint8Array;
  weights: Uint8Array;
} {
  const all: TfjsNode[] = [
    {
      name: "x",
      op: "Placeholder",
      attr: { shape: { shape: { dim: [-1, ...input].map((size) => ({ size: String(size) })) } } },
    },
    ...Object.keys(constants).map((name) => ({ name, op: "Const" })),
    ...nodes,
  ];
  const weights = Object.entries(constants).map(([name, { shape, dtype = "float32" }]) => ({ name, shape, dtype }));
  const bytes = Object.values(constants).map(({ values, dtype }) =>
    Buffer.from(dtype === "int32" ? Int32Array.from(values).buffer : Float32Array.from(values).buffer),
  );
  const model = {
    format: "graph-model",
    modelTopology: { node: all },
    signature: { outputs: { "y:0": { name: `${nodes.at(-1)!.name}:0` } } },
    weightsManifest: [{ paths: ["weights.bin"], weights }],
  };
  return { json: new TextEncoder().encode(JSON.stringify(model)), weights: Buffer.concat(bytes) };
}

/** Converts a graph model to ONNX bytes. */
export async function convert(model: GraphModel): Promise<Uint8Array> {
  const { json, weights } = writeGraphModel(model);
  return writeOnnx(tfjsToOnnx(await readTfjsModel(json, async () => weights)));
}

/** What the converted model makes of a picture in NHWC (or rows). */
export async function runConverted(model: GraphModel, input: Dense): Promise<Dense> {
  const [count, height, width, channels] = input.shape as [number, number, number, number];
  const spatial = input.shape.length === 4;
  const dims = spatial ? [count, channels, height, width] : input.shape;
  const { "y:0": output } = await runOnnx(await convert(model), "x", spatial ? toNchw(input) : input.values, dims);
  return dense(output!.dims, output!.data);
}
