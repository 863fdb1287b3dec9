/** Reading a network's output tensors as a card's output rules say. One decoder an output, made when the model loads. */
import { FacewireError } from "../../errors.ts";
import type { Affine, Point } from "../../media/picture.ts";
import type { ModelCard, OutputRule } from "../card.ts";
import { toPicture } from "../crop.ts";
import type { ModelOutput } from "../model.ts";
import { sigmoid, softmax } from "./probabilities.ts";
import { decodeUltraface } from "./ultraface.ts";

/** An output tensor of one call: all rows of the batch behind each other. */
export interface OutputTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** Output tensors by the network's names. */
export type OutputTensors = Readonly<Record<string, OutputTensor>>;

/** Reads one named output of a card. */
export interface OutputDecoder {
  /** The network's tensors it reads. */
  readonly tensors: readonly string[];
  /** Why tensors of these sizes do not fit the rule, or undefined when they do. The first size is the batch. */
  misfit(tensors: OutputTensors): string | undefined;
  /** Decodes row `row` of the batch; `map` is the crop's, see `cropMap`. */
  decode(tensors: OutputTensors, row: number, map: Affine): ModelOutput;
}

/** Makes the decoder of a rule. */
export function outputDecoder(rule: OutputRule, input: ModelCard["input"]): OutputDecoder {
  switch (rule.decode) {
    case "ultraface":
      return {
        tensors: [rule.scores, rule.boxes],
        misfit: (tensors) => {
          const scores = tensors[rule.scores]!.dims;
          const boxes = tensors[rule.boxes]!.dims;
          const fits = scores.length === 3 && boxes.length === 3 && scores[2] === 2 && boxes[2] === 4;
          if (fits && scores[1] === boxes[1]) return undefined;
          return `scores must be [n, priors, 2] and boxes [n, priors, 4], not ${sizes(scores)} and ${sizes(boxes)}`;
        },
        decode: (tensors, row, map) => {
          const scores = rowOf(tensors, rule.scores, row);
          const boxes = rowOf(tensors, rule.boxes, row);
          return { kind: "detections", detections: decodeUltraface(scores, boxes, rule, map, input) };
        },
      };
    case "points":
      return single(rule.tensor, 2 * rule.count, (values, map) => {
        const points: Point[] = [];
        for (let i = 0; i < values.length; i += 2) points.push(toPicture(map, input, values[i]!, values[i + 1]!));
        return { kind: "points", points };
      });
    case "embedding":
      return single(rule.tensor, rule.length, (values) => ({
        kind: "vector",
        values: rule.normalize === "l2" ? unitLength(values) : values.slice(),
      }));
    case "softmax":
      return single(rule.tensor, rule.labels.length, (values) => ({
        kind: "probabilities",
        values: rule.applied ? values.slice() : softmax(values),
      }));
    case "binary":
      return single(rule.tensor, 1, (values) => {
        const second = rule.applied ? values[0]! : sigmoid(values[0]!);
        return { kind: "probabilities", values: Float32Array.of(1 - second, second) };
      });
    case "expectation":
      return single(rule.tensor, undefined, (values) => {
        const weights = rule.applied ? values : softmax(values);
        const expected = weights.reduce((sum, weight, i) => sum + weight * i, 0);
        return { kind: "number", value: expected * rule.scale + rule.offset };
      });
    case "value":
      return single(rule.tensor, 1, (values) => ({ kind: "number", value: values[0]! * rule.scale + rule.offset }));
  }
}

/** A decoder of one tensor with `length` values a row; any number of at least two when `length` is undefined. */
function single(
  tensor: string,
  length: number | undefined,
  decode: (values: Float32Array, map: Affine) => ModelOutput,
): OutputDecoder {
  return {
    tensors: [tensor],
    misfit: (tensors) => {
      const { dims } = tensors[tensor]!;
      const found = dims.slice(1).reduce((product, size) => product * size, 1);
      if (length === undefined ? found >= 2 : found === length) return undefined;
      return `tensor ${tensor} must have ${length ?? "at least 2"} values a picture, not ${sizes(dims)}`;
    },
    decode: (tensors, row, map) => decode(rowOf(tensors, tensor, row), map),
  };
}

/** The values of one row, as a view. Throws `stage_failed` when the network gave something that is no number. */
function rowOf(tensors: OutputTensors, name: string, row: number): Float32Array {
  const { data, dims } = tensors[name]!;
  const length = data.length / dims[0]!;
  const values = data.subarray(row * length, (row + 1) * length);
  // A sum is not finite as soon as one of its parts is not. A plain loop: a detector has tens of thousands of values.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  if (Number.isFinite(sum)) return values;
  throw new FacewireError("stage_failed", `The network's output ${name} holds values that are no numbers.`);
}

function unitLength(values: Float32Array): Float32Array {
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? values.slice() : values.map((value) => value / length);
}

function sizes(dims: readonly number[]): string {
  return `[${dims.join(", ")}]`;
}
