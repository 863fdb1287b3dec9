/** Building an ONNX graph node by node. */
import { onnx } from "onnx-proto";
import { int64Tensor, ONNX_FLOAT, type OnnxFile } from "./onnx-file.ts";

/** Value of a node's attribute: `{ float }` marks numbers that ONNX wants as float. */
export type AttributeValue = string | number | readonly number[] | { readonly float: number };

/** A tensor at the graph's edge: its name and sizes, text for a size that is free; without sizes they are not stated. */
export interface GraphTensor {
  readonly name: string;
  readonly dims?: readonly (number | string)[];
}

/** The ONNX release the operators are written for, and the file version that goes with it. */
const OPSET = 13;
const IR_VERSION = 7;

/** Collects nodes and constants; names are made up in order, so the same calls give the same bytes. */
export class OnnxGraph {
  readonly #nodes: onnx.INodeProto[] = [];
  readonly #initializers: onnx.ITensorProto[] = [];
  #names = 0;

  /** Adds a float constant and returns its name. */
  floats(values: ArrayLike<number>, dims: readonly number[]): string {
    const name = this.#name("w");
    const rawData = new Uint8Array(new Float32Array(values).buffer);
    this.#initializers.push({ name, dims: [...dims], dataType: ONNX_FLOAT, rawData });
    return name;
  }

  /** Adds a one-dimensional int64 constant and returns its name. */
  integers(values: readonly number[]): string {
    const name = this.#name("i");
    this.#initializers.push(int64Tensor(name, values));
    return name;
  }

  /** Adds a node with one output and returns the output's name. */
  node(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    output = this.#name("t"),
  ): string {
    const attribute = Object.entries(attributes).map(([name, value]) => toAttribute(name, value));
    this.#nodes.push({ opType, name: output, input: [...input], output: [output], attribute });
    return output;
  }

  /** The finished file. */
  finish(inputs: readonly GraphTensor[], outputs: readonly GraphTensor[]): OnnxFile {
    const model = onnx.ModelProto.create({
      irVersion: IR_VERSION,
      producerName: "facewire",
      opsetImport: [{ domain: "", version: OPSET }],
      graph: {
        name: "graph",
        node: this.#nodes,
        initializer: this.#initializers,
        input: inputs.map(toValueInfo),
        output: outputs.map(toValueInfo),
      },
    });
    return { model, graph: model.graph as OnnxFile["graph"] };
  }

  #name(prefix: string): string {
    return `${prefix}.${this.#names++}`;
  }
}

/** An attribute of a node. */
export function toAttribute(name: string, value: AttributeValue): onnx.IAttributeProto {
  const types = onnx.AttributeProto.AttributeType;
  if (typeof value === "string") return { name, type: types.STRING, s: new TextEncoder().encode(value) };
  if (typeof value === "number") return { name, type: types.INT, i: value };
  if ("float" in value) return { name, type: types.FLOAT, f: value.float };
  return { name, type: types.INTS, ints: [...value] };
}

function toValueInfo({ name, dims }: GraphTensor): onnx.IValueInfoProto {
  const dim = dims?.map((size) => (typeof size === "string" ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: ONNX_FLOAT, ...(dim && { shape: { dim } }) } } };
}
