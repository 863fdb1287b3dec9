/**
 * Converts a TensorFlow.js graph model to ONNX. TensorFlow keeps pictures as NHWC and ONNX as NCHW: rank-4 values are
 * kept in NCHW throughout, and turned back only where the graph reshapes them or hands them out.
 */
import { FacewireError } from "../../errors.ts";
import type { OnnxFile } from "./onnx-file.ts";
import { type GraphTensor, OnnxGraph } from "./onnx-graph.ts";
import type { TfjsModel, TfjsNode, TfjsWeight } from "./tfjs-model.ts";
import { OPERATORS } from "./tfjs-operators.ts";

/** A value on its way through the conversion. */
export interface ConvertedValue {
  /** Name of the ONNX tensor. */
  readonly id: string;
  /** Whether it is rank 4 and laid out NCHW where TensorFlow has NHWC. */
  readonly spatial: boolean;
}

/** What an operator's conversion works with. */
export interface Conversion {
  readonly graph: OnnxGraph;
  /** The converted value of a node's input; converts what it depends on first. */
  value(input: string): ConvertedValue;
  /** A weight the operator needs to know now; throws when the input is computed. */
  weight(input: string): TfjsWeight;
  isWeight(input: string): boolean;
  /** Declares the network's input. */
  input(tensor: GraphTensor): void;
  /** The value in TensorFlow's own order of dimensions. */
  inOwnOrder(value: ConvertedValue): string;
}

/** Converts the model. Throws `model_prepare_failed` naming the operator or node that is not known. */
export function tfjsToOnnx(model: TfjsModel): OnnxFile {
  const graph = new OnnxGraph();
  const nodes = new Map(model.nodes.map((node) => [node.name, node]));
  const values = new Map<string, ConvertedValue>();
  const inputs: GraphTensor[] = [];

  const conversion: Conversion = {
    graph,
    value(input) {
      const name = plainName(input);
      let value = values.get(name);
      if (value === undefined) {
        const node = nodes.get(name);
        if (node === undefined) throw new FacewireError("model_prepare_failed", `The graph has no node ${name}.`);
        value = convertNode(node, conversion);
        values.set(name, value);
      }
      return value;
    },
    weight(input) {
      const weight = model.weights.get(plainName(input));
      if (weight === undefined) {
        throw new FacewireError("model_prepare_failed", `${input} must be a constant to be converted.`);
      }
      return weight;
    },
    isWeight: (input) => model.weights.has(plainName(input)),
    input: (tensor) => void inputs.push(tensor),
    inOwnOrder: ({ id, spatial }) => (spatial ? graph.node("Transpose", [id], { perm: [0, 2, 3, 1] }) : id),
  };

  const outputs = Object.entries(model.outputs).map(([name, output]): GraphTensor => {
    graph.node("Identity", [conversion.inOwnOrder(conversion.value(output.name))], {}, name);
    const dims = output.tensorShape?.dim?.map((dim, i) => (i === 0 ? "N" : Number(dim.size)));
    return dims?.length ? { name, dims } : { name };
  });
  return graph.finish(inputs, outputs);
}

function convertNode(node: TfjsNode, conversion: Conversion): ConvertedValue {
  const operator = OPERATORS[node.op];
  if (operator === undefined) {
    throw new FacewireError("model_prepare_failed", `Operator ${node.op} (node ${node.name}) is not known.`, {
      details: { operator: node.op, node: node.name, known: Object.keys(OPERATORS).sort() },
    });
  }
  return operator(node, conversion);
}

/** `name:0` and `name` are the same; no operator known here has a second output. */
function plainName(input: string): string {
  if (/:[1-9]\d*$/.test(input)) throw new FacewireError("model_prepare_failed", `${input} is a second output.`);
  return input.replace(/:0$/, "");
}
