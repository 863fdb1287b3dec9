/** Every operator of the converter against its plain definition, on two pictures at once. */
import { expect, test } from "bun:test";
import type { TfjsNode } from "../../../src/inference/prepare/tfjs-model.ts";
import { OPERATORS } from "../../../src/inference/prepare/tfjs-operators.ts";
import { numbers } from "../networks.ts";
import { conv2d, type Dense, dense, each, matMul, pool, softmax, spatialMean, type Window } from "./nhwc.ts";
import { convert, type GraphConstant, type GraphModel, list, runConverted, text, texts } from "./tfjs-graph.ts";

const picture = dense([2, 5, 7, 3], numbers(2 * 5 * 7 * 3, 3));
const rows = dense([2, 6], numbers(12, 4));
const kernel = dense([3, 3, 3, 4], numbers(108, 5));
const depthKernel = dense([3, 2, 3, 2], numbers(36, 6));
const matrix = dense([6, 4], numbers(24, 8));
const perChannel = dense([3], [0.5, -1, 2]);
const relu = (value: number) => Math.max(0, value);
const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));

interface Case {
  readonly operator: string;
  readonly of: string;
  readonly input: Dense;
  readonly constants?: Readonly<Record<string, GraphConstant>>;
  readonly nodes: readonly TfjsNode[];
  readonly expected: Dense;
}

const node = (op: string, inputs: readonly string[], attr: TfjsNode["attr"] = {}): TfjsNode => ({
  name: "n",
  op,
  input: inputs,
  attr,
});

function convolutionCase(operator: string, of: string, window: Window, fused: readonly string[] = []): Case {
  const depthwise = operator.includes("epthwise");
  const weights = depthwise ? depthKernel : kernel;
  const bias = numbers(depthwise ? 6 : 4, 9);
  const slopes = numbers(depthwise ? 6 : 4, 10);
  const constants: Record<string, GraphConstant> = { k: weights };
  const inputs = ["x", "k"];
  if (fused.includes("BiasAdd")) {
    constants.b = dense([bias.length], bias);
    inputs.push("b");
  }
  if (fused.includes("Prelu")) {
    constants.a = dense([1, 1, slopes.length], slopes);
    inputs.push("a");
  }
  let expected = conv2d(picture, weights, window, depthwise);
  if (fused.includes("BiasAdd")) expected = each(expected, (value, channel) => value + bias[channel]!);
  if (fused.includes("Relu")) expected = each(expected, relu);
  if (fused.includes("Prelu")) expected = each(expected, (v, channel) => (v < 0 ? v * slopes[channel]! : v));
  const { strides, dilations = [1, 1], padding } = window;
  const explicit = typeof padding === "string" ? [] : padding.flat();
  return {
    operator,
    of,
    input: picture,
    constants,
    nodes: [
      node(operator, inputs, {
        strides: list(1, ...strides, 1),
        dilations: list(1, ...dilations, 1),
        padding: text(typeof padding === "string" ? padding : "EXPLICIT"),
        data_format: text("NHWC"),
        ...(explicit.length > 0 && { explicit_paddings: list(0, 0, ...explicit, 0, 0) }),
        ...(fused.length > 0 && { fused_ops: texts(...fused) }),
      }),
    ],
    expected,
  };
}

const same: Window = { strides: [1, 1], padding: "SAME" };
const strided: Window = { strides: [2, 2], padding: "SAME" };
const halves = dense(
  [2, 5, 7, 3],
  picture.values.map((value) => value / 2),
);

const binaryCases = (["Add", "AddV2", "BiasAdd", "Sub", "Mul", "Minimum", "Maximum"] as const).map((operator): Case => {
  const work = {
    Add: (a: number, b: number) => a + b,
    AddV2: (a: number, b: number) => a + b,
    BiasAdd: (a: number, b: number) => a + b,
    Sub: (a: number, b: number) => a - b,
    Mul: (a: number, b: number) => a * b,
    Minimum: Math.min,
    Maximum: Math.max,
  }[operator];
  return {
    operator,
    of: "a picture and one number a channel",
    input: picture,
    constants: { c: perChannel },
    nodes: [node(operator, ["x", "c"])],
    expected: each(picture, (value, channel) => work(value, perChannel.values[channel]!)),
  };
});

const activationCases = (
  [
    ["Relu", relu],
    ["Relu6", (value: number) => Math.min(6, Math.max(0, value))],
    ["Elu", (value: number) => (value < 0 ? Math.exp(value) - 1 : value)],
    ["Sigmoid", sigmoid],
  ] as const
).map(([operator, work]): Case => {
  const input = each(picture, (value) => value * 8);
  return { operator, of: "a picture", input, nodes: [node(operator, ["x"])], expected: each(input, work) };
});

const cases: readonly Case[] = [
  { operator: "Placeholder", of: "a picture", input: picture, nodes: [node("Identity", ["x"])], expected: picture },
  { operator: "Identity", of: "rows", input: rows, nodes: [node("Identity", ["x:0"])], expected: rows },
  convolutionCase("Conv2D", "SAME", same),
  convolutionCase("Conv2D", "VALID with strides", { strides: [2, 1], padding: "VALID" }),
  convolutionCase("Conv2D", "dilations", { strides: [1, 1], dilations: [2, 2], padding: "SAME" }),
  convolutionCase("Conv2D", "explicit padding", {
    strides: [1, 2],
    padding: [
      [1, 0],
      [2, 1],
    ],
  }),
  convolutionCase("_FusedConv2D", "bias and Relu", strided, ["BiasAdd", "Relu"]),
  convolutionCase("_FusedConv2D", "bias and Prelu", same, ["BiasAdd", "Prelu"]),
  convolutionCase("_FusedConv2D", "Relu without bias", same, ["Relu"]),
  convolutionCase("DepthwiseConv2dNative", "SAME with strides", strided),
  convolutionCase("FusedDepthwiseConv2dNative", "bias and Relu", same, ["BiasAdd", "Relu"]),
  ...binaryCases,
  ...activationCases,
  {
    operator: "Sub",
    of: "a number less a picture",
    input: picture,
    constants: { c: dense([], [1]) },
    nodes: [node("Sub", ["c", "x"])],
    expected: each(picture, (value) => 1 - value),
  },
  {
    operator: "Mul",
    of: "a picture and a constant picture",
    input: picture,
    constants: { c: dense([1, 5, 7, 3], numbers(105, 11)) },
    nodes: [node("Mul", ["x", "c"])],
    expected: dense(
      picture.shape,
      picture.values.map((value, i) => value * numbers(105, 11)[i % 105]!),
    ),
  },
  {
    operator: "AddV2",
    of: "two computed pictures",
    input: picture,
    constants: { half: dense([], [0.5]) },
    nodes: [{ name: "m", op: "Mul", input: ["x", "half"] }, node("AddV2", ["x", "m"])],
    expected: each(picture, (value) => value * 1.5),
  },
  {
    operator: "AddV2",
    of: "rows and one number a column",
    input: rows,
    constants: { c: dense([6], numbers(6, 12)) },
    nodes: [node("AddV2", ["x", "c"])],
    expected: each(rows, (value, column) => value + numbers(6, 12)[column]!),
  },
  {
    operator: "Prelu",
    of: "a picture and one slope a channel",
    input: picture,
    constants: { c: dense([1, 1, 3], perChannel.values) },
    nodes: [node("Prelu", ["x", "c"])],
    expected: each(picture, (value, channel) => (value < 0 ? value * perChannel.values[channel]! : value)),
  },
  { operator: "Softmax", of: "rows", input: rows, nodes: [node("Softmax", ["x"])], expected: softmax(rows) },
  {
    operator: "Softmax",
    of: "the channels of a picture",
    input: picture,
    nodes: [node("Softmax", ["x"])],
    expected: softmax(picture),
  },
  ...(["MaxPool", "AvgPool"] as const).flatMap((operator) =>
    (["SAME", "VALID"] as const).map(
      (padding): Case => ({
        operator,
        of: padding,
        input: picture,
        nodes: [node(operator, ["x"], { ksize: list(1, 3, 2, 1), strides: list(1, 2, 2, 1), padding: text(padding) })],
        expected: pool(picture, 3, 2, { strides: [2, 2], padding }, operator === "MaxPool" ? "max" : "mean"),
      }),
    ),
  ),
  {
    operator: "Mean",
    of: "height and width",
    input: picture,
    constants: { axes: { shape: [2], values: [1, 2], dtype: "int32" } },
    nodes: [node("Mean", ["x", "axes"], { keep_dims: { b: false } })],
    expected: spatialMean(picture),
  },
  {
    operator: "Mean",
    of: "height and width, kept as one pixel",
    input: picture,
    constants: { axes: { shape: [2], values: [-3, -2], dtype: "int32" } },
    nodes: [node("Mean", ["x", "axes"], { keep_dims: { b: true } })],
    expected: { shape: [2, 1, 1, 3], values: spatialMean(picture).values },
  },
  ...(["Pad", "PadV2"] as const).map((operator): Case => {
    const fill = operator === "PadV2" ? 7 : 0;
    const pads: Window = {
      strides: [1, 1],
      padding: [
        [1, 0],
        [0, 2],
      ],
    };
    // A 1 x 1 convolution with the unit matrix pads with zeros; shifting the picture makes the zeros the fill.
    const unit = dense([1, 1, 3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    const shifted = conv2d(
      each(picture, (value) => value - fill),
      unit,
      pads,
    );
    const fillConstant: Record<string, GraphConstant> = operator === "PadV2" ? { fill: dense([], [fill]) } : {};
    return {
      operator,
      of: "a picture on all sides",
      input: picture,
      constants: { pads: { shape: [4, 2], values: [0, 0, 1, 0, 0, 2, 0, 0], dtype: "int32" }, ...fillConstant },
      nodes: [node(operator, operator === "PadV2" ? ["x", "pads", "fill"] : ["x", "pads"])],
      expected: each(shifted, (value) => value + fill),
    };
  }),
  {
    operator: "ConcatV2",
    of: "the channels of two pictures",
    input: picture,
    constants: { half: dense([], [0.5]), axis: { shape: [], values: [-1], dtype: "int32" } },
    nodes: [{ name: "m", op: "Mul", input: ["x", "half"] }, node("ConcatV2", ["x", "m", "axis"])],
    expected: dense(
      [2, 5, 7, 6],
      Array.from({ length: 2 * 5 * 7 * 6 }, (_, i) => {
        const source = i % 6 < 3 ? picture : halves;
        return source.values[Math.floor(i / 6) * 3 + (i % 3)]!;
      }),
    ),
  },
  {
    operator: "Reshape",
    of: "a picture to rows, in TensorFlow's order",
    input: picture,
    constants: { shape: { shape: [2], values: [-1, 105], dtype: "int32" } },
    nodes: [node("Reshape", ["x", "shape"])],
    expected: { shape: [2, 105], values: picture.values },
  },
  {
    operator: "Reshape",
    of: "a picture to one row, written for a batch of one",
    input: picture,
    constants: { shape: { shape: [2], values: [1, -1], dtype: "int32" } },
    nodes: [node("Reshape", ["x", "shape"])],
    expected: { shape: [2, 105], values: picture.values },
  },
  {
    operator: "Squeeze",
    of: "the one pixel of a picture",
    input: dense([2, 1, 1, 3], numbers(6, 13)),
    nodes: [node("Squeeze", ["x"], { squeeze_dims: list(1, 2) })],
    expected: dense([2, 3], numbers(6, 13)),
  },
  {
    operator: "MatMul",
    of: "rows and a turned matrix",
    input: rows,
    constants: {
      c: dense(
        [4, 6],
        Array.from({ length: 24 }, (_, i) => matrix.values[(i % 6) * 4 + Math.floor(i / 6)]!),
      ),
    },
    nodes: [node("MatMul", ["x", "c"], { transpose_b: { b: true } })],
    expected: matMul(rows, matrix),
  },
  {
    operator: "_FusedMatMul",
    of: "bias and Sigmoid",
    input: rows,
    constants: { c: matrix, b: dense([4], numbers(4, 14)) },
    nodes: [node("_FusedMatMul", ["x", "c", "b"], { fused_ops: texts("BiasAdd", "Sigmoid") })],
    expected: each(matMul(rows, matrix), (value, column) => sigmoid(value + numbers(4, 14)[column]!)),
  },
];

test.each(cases.map((one) => [`${one.operator}: ${one.of}`, one] as const))(
  "converted, it computes what TensorFlow defines: %s",
  async (_name, { input, expected, ...rest }) => {
    const model: GraphModel = { ...rest, input: input.shape.slice(1) };
    const found = await runConverted(model, input);
    expect(found.shape).toEqual(expected.shape);
    const apart = found.values.reduce((most, value, i) => Math.max(most, Math.abs(value - expected.values[i]!)), 0);
    expect(apart).toBeLessThan(1e-5);
  },
);

test("no operator is converted without a case here", () => {
  expect([...new Set(cases.map(({ operator }) => operator))].sort()).toEqual(Object.keys(OPERATORS).sort());
});

test("an unknown operator is refused by its name and node", () => {
  const model: GraphModel = { input: [4, 4, 3], nodes: [{ name: "head/resize", op: "ResizeBilinear", input: ["x"] }] };
  return expect(convert(model)).rejects.toMatchObject({
    code: "model_prepare_failed",
    message: expect.stringContaining("ResizeBilinear (node head/resize)"),
    details: { operator: "ResizeBilinear", node: "head/resize" },
  });
});

test("the same model always gives the same bytes", async () => {
  const { operator: _, of: __, input, ...rest } = convolutionCase("_FusedConv2D", "", strided, ["BiasAdd", "Relu"]);
  const model = { ...rest, input: input.shape.slice(1) };
  expect(await convert(model)).toEqual(await convert(model));
});
