/** Reading and writing ONNX files as messages, and the constants inside them as typed arrays. */
import { onnx } from "onnx-proto";
import { FacewireError } from "../../errors.ts";

/** `TensorProto.DataType` numbers of onnx.proto3 that are touched here. */
export const ONNX_FLOAT = 1;
const ONNX_INT64 = 7;

/** A model with the parts that every usable file has. */
export interface OnnxFile {
  readonly model: onnx.IModelProto;
  readonly graph: onnx.IGraphProto & {
    readonly node: onnx.INodeProto[];
    readonly initializer: onnx.ITensorProto[];
    readonly input: onnx.IValueInfoProto[];
    readonly output: onnx.IValueInfoProto[];
  };
}

/** Reads an ONNX file. Throws `model_prepare_failed` when the bytes are not one. */
export function readOnnx(bytes: Uint8Array): OnnxFile {
  let model: onnx.ModelProto;
  try {
    model = onnx.ModelProto.decode(bytes);
  } catch (cause) {
    throw new FacewireError("model_prepare_failed", "The file is not a readable ONNX file.", { cause });
  }
  const graph = model.graph;
  if (!graph?.node?.length || !graph.input?.length || !graph.output?.length) {
    throw new FacewireError("model_prepare_failed", "The file is not an ONNX file with a graph.");
  }
  return { model, graph: graph as OnnxFile["graph"] };
}

/** Writes an ONNX file; the same model always gives the same bytes. */
export function writeOnnx(file: OnnxFile): Uint8Array {
  return onnx.ModelProto.encode(file.model).finish();
}

/** Every constant tensor of the graph by name: initializers and the values of Constant nodes. */
export function constantTensors(file: OnnxFile): Map<string, onnx.ITensorProto> {
  const constants = new Map<string, onnx.ITensorProto>();
  for (const tensor of file.graph.initializer) constants.set(tensor.name ?? "", tensor);
  for (const node of file.graph.node) {
    const value =
      node.opType === "Constant" ? node.attribute?.find((attribute) => attribute.name === "value")?.t : null;
    if (value) constants.set(node.output?.[0] ?? "", value);
  }
  return constants;
}

/** The sizes of a tensor. */
export function tensorDims(tensor: onnx.ITensorProto): number[] {
  return (tensor.dims ?? []).map(Number);
}

/** A copy of a float tensor's values, wherever the file keeps them. */
export function floatValues(tensor: onnx.ITensorProto): Float32Array {
  const raw = tensor.rawData;
  return raw?.length ? new Float32Array(copyOf(raw)) : new Float32Array(tensor.floatData ?? []);
}

/** Replaces a float tensor's values; the dims stay as they are. */
export function setFloatValues(tensor: onnx.ITensorProto, values: Float32Array): void {
  tensor.rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  tensor.floatData = [];
}

/** A copy of an int64 tensor's values. */
export function int64Values(tensor: onnx.ITensorProto): number[] {
  const raw = tensor.rawData;
  return raw?.length ? Array.from(new BigInt64Array(copyOf(raw)), Number) : (tensor.int64Data ?? []).map(Number);
}

/** The bytes in a buffer of their own: in the file they lie at any offset, typed arrays need an aligned one. */
function copyOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/** A new one-dimensional int64 tensor. */
export function int64Tensor(name: string, values: readonly number[]): onnx.ITensorProto {
  const raw = new Uint8Array(new BigInt64Array(values.map(BigInt)).buffer);
  return { name, dataType: ONNX_INT64, dims: [values.length], rawData: raw };
}
