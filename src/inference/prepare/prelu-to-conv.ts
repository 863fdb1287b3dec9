/**
 * Writes PRelu with operators that the runtime keeps in its vectorised layout. onnxruntime has no PRelu there: it reorders
 * the tensor before and after each one and works through it value by value, which takes up to half of a network's time.
 *
 * With slope s of a channel, `prelu(x) = s x + (1 - s) relu(x)`, and for s <= 1 that is `s x + relu((1 - s) x)`: two
 * 1x1 convolutions that scale each channel by itself, one of them with its relu, the other with the sum, done on the fly.
 */
import type { onnx } from "onnx-proto";
import { constantTensors, floatValues, ONNX_FLOAT, type OnnxFile, tensorDims } from "./onnx-file.ts";
import { toAttribute } from "./onnx-graph.ts";

/**
 * Rewrites in place every PRelu with a constant slope per channel of a picture; returns how many. The others stay: those
 * with a slope above 1, for which the sum would need a difference, and those with one slope or one per value.
 */
export function preluToConv({ graph, model }: OnnxFile): number {
  const constants = constantTensors({ graph, model });
  const nodes: onnx.INodeProto[] = [];
  const slopeNames = new Set<string>();
  for (const node of graph.node) {
    const [x, slopeName] = node.input ?? [];
    const slopes = node.opType === "PRelu" ? channelSlopes(constants.get(slopeName ?? "")) : undefined;
    const output = node.output?.[0];
    if (slopes === undefined || !x || !slopeName || !output) {
      nodes.push(node);
      continue;
    }
    slopeNames.add(slopeName);
    const name = (part: string) => `${output}/${part}`;
    const scaled = (by: Float32Array, part: string): onnx.INodeProto => {
      const rawData = new Uint8Array(by.buffer);
      graph.initializer.push({ name: name(`${part}-w`), dataType: ONNX_FLOAT, dims: [by.length, 1, 1, 1], rawData });
      const attribute = [toAttribute("group", by.length), toAttribute("kernel_shape", [1, 1])];
      const input = [x, name(`${part}-w`)];
      return { opType: "Conv", name: name(part), input, output: [name(part)], attribute };
    };
    nodes.push(
      scaled(
        slopes.map((slope) => 1 - slope),
        "rest",
      ),
      { opType: "Relu", name: name("relu"), input: [name("rest")], output: [name("relu")] },
      scaled(slopes, "slope"),
      { opType: "Add", name: name("sum"), input: [name("slope"), name("relu")], output: [output] },
    );
  }
  const rewritten = nodes.length - graph.node.length;
  graph.node.splice(0, graph.node.length, ...nodes);
  dropUnread(graph, slopeNames);
  // Each PRelu became four nodes.
  return rewritten / 3;
}

/** The slopes [C, 1, 1] of a PRelu over [N, C, H, W], all at most 1; undefined where it is another kind. */
function channelSlopes(tensor: onnx.ITensorProto | undefined): Float32Array | undefined {
  if (tensor?.dataType !== ONNX_FLOAT) return undefined;
  const [channels, height, width, ...more] = tensorDims(tensor);
  if (channels === undefined || channels < 2 || height !== 1 || width !== 1 || more.length > 0) return undefined;
  const slopes = floatValues(tensor);
  return slopes.every((slope) => slope <= 1) ? slopes : undefined;
}

function dropUnread(graph: OnnxFile["graph"], candidates: ReadonlySet<string>): void {
  const read = new Set(graph.node.flatMap((node) => node.input ?? []));
  const kept = graph.initializer.filter(({ name }) => !candidates.has(name ?? "") || read.has(name ?? ""));
  graph.initializer.splice(0, graph.initializer.length, ...kept);
}
