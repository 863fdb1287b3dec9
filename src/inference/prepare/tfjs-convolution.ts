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
    ...placement(node, height, width),
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

/** Dilations and padding. */
function placement(node: TfjsNode, height: number, width: number): Record<string, AttributeValue> {
  const kind = strings(node, "padding")[0] ?? "VALID";
  const [down = 1, right = 1] = integers(node, "dilations").slice(1, 3);
  const dilated: Record<string, AttributeValue> = down > 1 || right > 1 ? { dilations: [down, right] } : {};
  if (kind === "VALID") return dilated;
  if (kind === "SAME" && dilated.dilations === undefined) return { auto_pad: "SAME_UPPER" };
  if (kind === "SAME") {
    // The runtime does not pad dilated kernels by itself. TensorFlow allows them with strides of 1 only, where the
    // padding follows from the kernel alone.
    const pads = [(height - 1) * down, (width - 1) * right];
    return { ...dilated, pads: [...pads.map((pad) => pad >> 1), ...pads.map((pad) => pad - (pad >> 1))] };
  }
  // Pairs of before and after for N, H, W and C.
  const pairs = integers(node, "explicit_paddings");
  return { ...dilated, pads: [pairs[2]!, pairs[4]!, pairs[3]!, pairs[5]!] };
}
