/** Reading an operator's attributes and operands, shared by the conversions of the operators. */
import { FacewireError } from "../../errors.ts";
import type { TfjsAttribute, TfjsNode } from "./tfjs-model.ts";
import type { Conversion, ConvertedValue } from "./tfjs-to-onnx.ts";

/** Where the dimensions of NHWC lie in NCHW. */
const NCHW_OF_NHWC = [0, 2, 3, 1] as const;

/** An attribute that must be there. */
export function attribute(node: TfjsNode, name: string): TfjsAttribute {
  const found = node.attr?.[name];
  if (found) return found;
  throw new FacewireError("model_prepare_failed", `${node.op} (node ${node.name}) has no attribute ${name}.`);
}

/** A list of integers, empty when the attribute is absent. */
export function integers(node: TfjsNode, name: string): number[] {
  return (node.attr?.[name]?.list?.i ?? []).map(Number);
}

/** A string or list of strings, empty when the attribute is absent. */
export function strings(node: TfjsNode, name: string): string[] {
  const found = node.attr?.[name];
  const encoded = found?.s === undefined ? (found?.list?.s ?? []) : [found.s];
  return encoded.map((text) => Buffer.from(text, "base64").toString());
}

/** Axes of a value as TensorFlow counts them, made those of the ONNX value. */
export function axes(values: ArrayLike<number>, spatial: boolean): number[] {
  return Array.from(values, (axis) => (spatial ? NCHW_OF_NHWC[(axis + 4) % 4]! : axis));
}

/** A constant that is added to or multiplied with a value: for spatial ones turned from (H W) C to C (H W). */
export function constantOperand({ graph, weight }: Conversion, name: string, spatial: boolean): string {
  const { shape, values } = weight(name);
  if (!spatial || shape.length === 0) return graph.floats(values, shape);
  const [height, width, channels] = [1, 1, 1, ...shape].slice(-3) as [number, number, number];
  const planar = new Float32Array(values.length);
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      planar[channel * height * width + pixel] = values[pixel * channels + channel]!;
    }
  }
  return graph.floats(planar, [1, channels, height, width]);
}

/** Applies an activation by TensorFlow's name; `slope` names the weight of Prelu. Returns the new tensor's name. */
export function activate(conversion: Conversion, value: ConvertedValue, name: string, slope?: string): string {
  const { graph } = conversion;
  switch (name) {
    case "Relu":
    case "Elu":
    case "Sigmoid":
      return graph.node(name, [value.id]);
    case "Relu6":
      return graph.node("Clip", [value.id, graph.floats([0], []), graph.floats([6], [])]);
    case "Prelu":
      if (slope !== undefined) return graph.node("PRelu", [value.id, slopes(conversion, slope, value.spatial)]);
  }
  throw new FacewireError("model_prepare_failed", `Activation ${name} is not known.`, { details: { operator: name } });
}

/** Slopes per channel; ONNX broadcasts them from the right, so spatial ones get the picture's two dimensions. */
function slopes({ graph, weight }: Conversion, name: string, spatial: boolean): string {
  const { shape, values } = weight(name);
  if (shape.slice(0, -1).some((size) => size !== 1)) {
    throw new FacewireError("model_prepare_failed", `Prelu slopes ${name} are not one a channel.`);
  }
  return graph.floats(values, spatial ? [values.length, 1, 1] : [values.length]);
}
