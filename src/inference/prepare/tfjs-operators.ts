/** How each TensorFlow operator becomes ONNX (opset 13). One entry an operator; what is not here is refused. */
import { FacewireError } from "../../errors.ts";
import type { AttributeValue } from "./onnx-graph.ts";
import { activate, attribute, axes, constantOperand, integers, strings } from "./tfjs-arguments.ts";
import { convolution } from "./tfjs-convolution.ts";
import type { TfjsNode } from "./tfjs-model.ts";
import type { Conversion, ConvertedValue } from "./tfjs-to-onnx.ts";

type Operator = (node: TfjsNode, conversion: Conversion) => ConvertedValue;

/** Operators by TensorFlow's name. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  Placeholder: placeholder,
  Identity: (node, conversion) => conversion.value(node.input![0]!),
  Conv2D: (node, conversion) => convolution(node, conversion, false),
  _FusedConv2D: (node, conversion) => convolution(node, conversion, false),
  DepthwiseConv2dNative: (node, conversion) => convolution(node, conversion, true),
  FusedDepthwiseConv2dNative: (node, conversion) => convolution(node, conversion, true),
  MatMul: matMul,
  _FusedMatMul: matMul,
  Add: binary("Add"),
  AddV2: binary("Add"),
  BiasAdd: binary("Add"),
  Sub: binary("Sub"),
  Mul: binary("Mul"),
  Minimum: binary("Min"),
  Maximum: binary("Max"),
  Relu: activation("Relu"),
  Relu6: activation("Relu6"),
  Elu: activation("Elu"),
  Sigmoid: activation("Sigmoid"),
  Prelu: activation("Prelu"),
  Softmax: softmax,
  MaxPool: pool("MaxPool"),
  AvgPool: pool("AveragePool"),
  Mean: mean,
  Pad: pad,
  PadV2: pad,
  ConcatV2: concat,
  Reshape: reshape,
  Squeeze: squeeze,
};

function placeholder(node: TfjsNode, { input }: Conversion): ConvertedValue {
  const sizes = (attribute(node, "shape").shape?.dim ?? []).map((dim) => Number(dim.size));
  if (sizes.length === 2) {
    input({ name: node.name, dims: ["N", sizes[1]!] });
    return { id: node.name, spatial: false };
  }
  const [, height, width, channels] = sizes;
  if (sizes.length !== 4 || !(height! > 0) || !(width! > 0) || !(channels! > 0)) {
    throw new FacewireError("model_prepare_failed", `Input ${node.name} is not NHWC with a fixed picture size.`);
  }
  input({ name: node.name, dims: ["N", channels!, height!, width!] });
  return { id: node.name, spatial: true };
}

function binary(opType: string): Operator {
  return (node, conversion) => {
    const [left, right] = node.input as [string, string];
    const values = [left, right].map((name) => (conversion.isWeight(name) ? undefined : conversion.value(name)));
    const computed = values.filter((value) => value !== undefined);
    const spatial = computed.some((value) => value.spatial);
    if (computed.some((value) => value.spatial !== spatial)) {
      throw new FacewireError("model_prepare_failed", `${node.op} (node ${node.name}) mixes ranks.`);
    }
    const ids = [left, right].map((name, i) => values[i]?.id ?? constantOperand(conversion, name, spatial));
    return { id: conversion.graph.node(opType, ids), spatial };
  };
}

function activation(name: string): Operator {
  return (node, conversion) => {
    const value = conversion.value(node.input![0]!);
    return { id: activate(conversion, value, name, node.input?.[1]), spatial: value.spatial };
  };
}

function softmax(node: TfjsNode, conversion: Conversion): ConvertedValue {
  const { id, spatial } = conversion.value(node.input![0]!);
  return { id: conversion.graph.node("Softmax", [id], { axis: spatial ? 1 : -1 }), spatial };
}

function pool(opType: string): Operator {
  return (node, conversion) => {
    const { id } = spatialInput(node, conversion);
    const window = {
      kernel_shape: integers(node, "ksize").slice(1, 3),
      strides: integers(node, "strides").slice(1, 3),
    };
    // Both runtimes leave the padding out of an average, ONNX by its default count_include_pad 0.
    const padding: Record<string, AttributeValue> =
      strings(node, "padding")[0] === "SAME" ? { auto_pad: "SAME_UPPER" } : {};
    return { id: conversion.graph.node(opType, [id], { ...window, ...padding }), spatial: true };
  };
}

function mean(node: TfjsNode, conversion: Conversion): ConvertedValue {
  const value = conversion.value(node.input![0]!);
  const keep = node.attr?.keep_dims?.b === true;
  const over = axes(conversion.weight(node.input![1]!).values, value.spatial);
  const whole = !value.spatial || keep || (over.includes(2) && over.includes(3));
  if (!whole) throw new FacewireError("model_prepare_failed", `Mean (node ${node.name}) leaves a rank of three.`);
  const id = conversion.graph.node("ReduceMean", [value.id], { axes: over, keepdims: keep ? 1 : 0 });
  return { id, spatial: value.spatial && keep };
}

function pad(node: TfjsNode, conversion: Conversion): ConvertedValue {
  const { id } = spatialInput(node, conversion);
  const pairs = conversion.weight(node.input![1]!).values;
  const order = [0, 3, 1, 2];
  const pads = [...order.map((axis) => pairs[2 * axis]!), ...order.map((axis) => pairs[2 * axis + 1]!)];
  const fill = node.input?.[2] === undefined ? 0 : conversion.weight(node.input[2]).values[0]!;
  const { graph } = conversion;
  return { id: graph.node("Pad", [id, graph.integers(pads), graph.floats([fill], [])]), spatial: true };
}

function concat(node: TfjsNode, conversion: Conversion): ConvertedValue {
  const names = node.input!.slice(0, -1);
  const values = names.map((name) => conversion.value(name));
  const { spatial } = values[0]!;
  if (values.some((value) => value.spatial !== spatial)) {
    throw new FacewireError("model_prepare_failed", `ConcatV2 (node ${node.name}) mixes ranks.`);
  }
  const [axis] = axes(conversion.weight(node.input!.at(-1)!).values, spatial);
  return {
    id: conversion.graph.node(
      "Concat",
      values.map(({ id }) => id),
      { axis: axis! },
    ),
    spatial,
  };
}

function reshape(node: TfjsNode, conversion: Conversion): ConvertedValue {
  const id = conversion.inOwnOrder(conversion.value(node.input![0]!));
  const sizes = Array.from(conversion.weight(node.input![1]!).values);
  // A leading 1 is the batch of one the model was exported with.
  if (sizes[0] === 1) sizes[0] = sizes.includes(-1) ? 0 : -1;
  if (sizes.length === 4) {
    throw new FacewireError("model_prepare_failed", `Reshape (node ${node.name}) to rank 4 is not known.`);
  }
  return { id: conversion.graph.node("Reshape", [id, conversion.graph.integers(sizes)]), spatial: false };
}

function squeeze(node: TfjsNode, conversion: Conversion): ConvertedValue {
  const id = conversion.inOwnOrder(conversion.value(node.input![0]!));
  const over = integers(node, "squeeze_dims");
  if (over.length === 0 || over.includes(0)) {
    throw new FacewireError(
      "model_prepare_failed",
      `Squeeze (node ${node.name}) must name dimensions after the first.`,
    );
  }
  return { id: conversion.graph.node("Squeeze", [id, conversion.graph.integers(over)]), spatial: false };
}

function matMul(node: TfjsNode, conversion: Conversion): ConvertedValue {
  const { graph } = conversion;
  const value = conversion.value(node.input![0]!);
  if (value.spatial || node.attr?.transpose_a?.b === true) {
    throw new FacewireError("model_prepare_failed", `${node.op} (node ${node.name}) is not rows times a matrix.`);
  }
  const matrix = conversion.weight(node.input![1]!);
  let right = graph.floats(matrix.values, matrix.shape);
  if (node.attr?.transpose_b?.b === true) right = graph.node("Transpose", [right], { perm: [1, 0] });
  let id = graph.node("MatMul", [value.id, right]);
  let next = 2;
  for (const fused of strings(node, "fused_ops")) {
    if (fused === "BiasAdd") id = graph.node("Add", [id, constantOperand(conversion, node.input![next++]!, false)]);
    else id = activate(conversion, { id, spatial: false }, fused, node.input?.[next]);
  }
  return { id, spatial: false };
}

function spatialInput(node: TfjsNode, conversion: Conversion): ConvertedValue {
  const value = conversion.value(node.input![0]!);
  if (value.spatial) return value;
  throw new FacewireError("model_prepare_failed", `${node.op} (node ${node.name}) is known for rank 4 only.`);
}
