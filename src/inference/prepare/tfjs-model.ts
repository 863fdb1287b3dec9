/** Reading a TensorFlow.js graph model: the JSON with the graph, and the weights in the files beside it. */
import { FacewireError } from "../../errors.ts";

/** A node of the graph, as TensorFlow.js stores it: numbers as text, strings in base64. */
export interface TfjsNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Readonly<Record<string, TfjsAttribute>>;
}

/** A node's attribute; which field is set depends on its type. */
export interface TfjsAttribute {
  readonly s?: string;
  readonly i?: string | number;
  readonly f?: number;
  readonly b?: boolean;
  readonly shape?: { readonly dim?: readonly TfjsDim[] };
  readonly list?: { readonly i?: readonly (string | number)[]; readonly s?: readonly string[] };
}

interface TfjsDim {
  readonly size: string | number;
}

/** A dequantised weight. */
export interface TfjsWeight {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** A graph model in memory. */
export interface TfjsModel {
  readonly nodes: readonly TfjsNode[];
  readonly weights: ReadonlyMap<string, TfjsWeight>;
  /** Output tensors by the names the model's signature gives them. */
  readonly outputs: Readonly<Record<string, TfjsOutput>>;
}

/** An output of the signature: the graph's tensor and its shape, -1 for the batch. */
export interface TfjsOutput {
  readonly name: string;
  readonly tensorShape?: { readonly dim?: readonly TfjsDim[] };
}

interface WeightEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly quantization?: { readonly dtype: string; readonly scale?: number; readonly min?: number };
}

interface ModelJson {
  readonly format?: string;
  readonly modelTopology?: { readonly node?: readonly TfjsNode[] };
  readonly signature?: Signature;
  readonly userDefinedMetadata?: { readonly signature?: Signature };
  readonly weightsManifest?: readonly { readonly paths: readonly string[]; readonly weights: readonly WeightEntry[] }[];
}

interface Signature {
  readonly outputs?: Readonly<Record<string, TfjsOutput>>;
}

/**
 * Reads a graph model. `readBeside` is given the names of the weight files as the JSON states them. Throws
 * `model_prepare_failed` for anything but a graph model, and for weights that are short or of an unknown type.
 */
export async function readTfjsModel(
  json: Uint8Array,
  readBeside: (name: string) => Promise<Uint8Array>,
): Promise<TfjsModel> {
  const model = parseJson(json);
  const nodes = model.modelTopology?.node;
  const outputs = (model.signature ?? model.userDefinedMetadata?.signature)?.outputs;
  if (!nodes || !outputs || !model.weightsManifest) {
    throw new FacewireError("model_prepare_failed", "The JSON is not a TensorFlow.js graph model with a signature.");
  }
  const weights = new Map<string, TfjsWeight>();
  for (const group of model.weightsManifest) {
    const parts: Uint8Array[] = [];
    for (const path of group.paths) parts.push(await readBeside(plainName(path)));
    const bytes = Buffer.concat(parts);
    let offset = 0;
    for (const entry of group.weights) {
      const [values, length] = readWeight(bytes, offset, entry);
      weights.set(entry.name, { shape: entry.shape, values });
      offset += length;
    }
  }
  return { nodes, weights, outputs };
}

function parseJson(json: Uint8Array): ModelJson {
  try {
    return JSON.parse(new TextDecoder().decode(json)) as ModelJson;
  } catch (cause) {
    throw new FacewireError("model_prepare_failed", "The TensorFlow.js model is not valid JSON.", { cause });
  }
}

/** Weight files lie beside the JSON; a path that leads elsewhere is not followed. */
function plainName(path: string): string {
  if (!/^[\w.-]+$/.test(path) || path.startsWith(".")) {
    throw new FacewireError(
      "model_prepare_failed",
      "The TensorFlow.js model names a weight file that is not beside it.",
    );
  }
  return path;
}

/** The values of one weight at `offset`, and how many bytes they take in the file. */
function readWeight(bytes: Uint8Array, offset: number, entry: WeightEntry): [Float32Array | Int32Array, number] {
  const count = entry.shape.reduce((product, size) => product * size, 1);
  const stored = entry.quantization?.dtype ?? entry.dtype;
  const take = (size: number): ArrayBuffer => {
    const end = offset + count * size;
    if (end > bytes.length) {
      throw new FacewireError("model_prepare_failed", `The weight files end before weight ${entry.name}.`);
    }
    return new Uint8Array(bytes.subarray(offset, end)).buffer;
  };
  const scale = entry.quantization?.scale ?? 1;
  const min = entry.quantization?.min ?? 0;
  switch (stored) {
    case "float32":
      return [new Float32Array(take(4)), count * 4];
    case "int32":
      return [new Int32Array(take(4)), count * 4];
    case "float16":
      return [mapped(new Uint16Array(take(2)), halfToFloat), count * 2];
    case "uint16":
      return [mapped(new Uint16Array(take(2)), (value) => value * scale + min), count * 2];
    case "uint8":
      return [mapped(new Uint8Array(take(1)), (value) => value * scale + min), count];
    default:
      throw new FacewireError("model_prepare_failed", `Weight ${entry.name} has the unknown type ${stored}.`);
  }
}

/** `Float32Array.from` goes through an iterator, which takes a second for the millions of weights of a model. */
function mapped(stored: Uint8Array | Uint16Array, work: (value: number) => number): Float32Array {
  const values = new Float32Array(stored.length);
  for (let i = 0; i < stored.length; i++) values[i] = work(stored[i]!);
  return values;
}

/** IEEE 754 binary16 to a number. */
function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}
