/** Convolutions of TensorFlow as ONNX's: kernels turned from H W I O, padding and fused bias and activation kept. */
import { FacewireError } from "../../errors.ts";
import type { AttributeValue } from "./onnx-graph.ts";
import { activate, integers, strings } from "./tfjs-arguments.ts";
import type { TfjsNode, TfjsWeight } from "./tfjs-model.ts";
import type { Conversion, ConvertedValue } from "./tfjs-to-onnx.ts";

/** Converts Conv2D, depthwise or not, with what is fused into it. */
export function convolution(node: TfjsNode, conversion: Conversion, depthwise: boolean): ConvertedValue {
  const { graph } = conversion;
  const value = conversion.value(node.input![0]!);
  if (!value.spatial || (strings(node, "data_format")[0] ?? "NHWC") !== "NHWC") {
    throw new FacewireError("model_prepare_failed", `${node.op} (node ${node.name}) is not on NHWC pictures.`);
  }
  const kernel = conversion.weight(node.input![1]!);
  const [height, width, channels, last] = kernel.shape as [number, number, number, number];
  const dims = depthwise ? [channels * last, 1, height, width] : [last, channels, height, width];
  const inputs = [value.id, graph.floats(turnKernel(kernel, depthwise), dims)];
  const fused = strings(node, "fused_ops");
  let next = 2;
  if (fused[0] === "BiasAdd") {
    const bias = conversion.weight(node.input![next++]!);
    inputs.push(graph.floats(bias.values, [bias.values.length]));
    fused.shift();
  }
  let id = graph.node("Conv", inputs, {
    kernel_shape: [height, width],
    strides: integers(node, "strides").slice(1, 3),
    group: depthwise ? channels : 1,
    ...dilations(node),
    ...padding(node),
  });
  for (const name of fused) id = activate(conversion, { id, spatial: true }, name, node.input?.[next]);
  return { id, spatial: true };
}

/** H W I O to O I H W, or for depthwise kernels to (I O) 1 H W. */
function turnKernel({ shape, values }: TfjsWeight, depthwise: boolean): Float32Array {
  const [height, width, channels, last] = shape as [number, number, number, number];
  const turned = new Float32Array(values.length);
  const area = height * width;
  let from = 0;
  for (let pixel = 0; pixel < area; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let out = 0; out < last; out++) {
        const plane = depthwise ? channel * last + out : out * channels + channel;
        turned[plane * area + pixel] = values[from++]!;
      }
    }
  }
  return turned;
}

function dilations(node: TfjsNode): Record<string, AttributeValue> {
  const sizes = integers(node, "dilations").slice(1, 3);
  return sizes.some((size) => size > 1) ? { dilations: sizes } : {};
}

function padding(node: TfjsNode): Record<string, AttributeValue> {
  const kind = strings(node, "padding")[0] ?? "VALID";
  if (kind === "SAME") return { auto_pad: "SAME_UPPER" };
  if (kind === "VALID") return {};
  // Pairs of before and after for N, H, W and C.
  const pairs = integers(node, "explicit_paddings");
  return { pads: [pairs[2]!, pairs[4]!, pairs[3]!, pairs[5]!] };
}
