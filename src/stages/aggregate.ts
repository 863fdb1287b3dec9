/** Arithmetic that puts the values of one part together over the pictures of a request. */
import { FacewireError } from "../errors.ts";
import { toLabelled } from "./model-outputs.ts";
import type { AggregateInput, AggregateMethod } from "./stage.ts";

/** The weights of the inputs as they count for `method`: all 1 unless it weighs by quality, or no quality is above 0. */
export function weightsFor(inputs: readonly AggregateInput[], method: AggregateMethod): readonly number[] {
  const weighs = method === "quality-weighted-mean" || method === "quality-weighted-logit-mean";
  return weighs && inputs.some((input) => input.weight > 0) ? inputs.map((input) => input.weight) : inputs.map(() => 1);
}

/** The input of the greatest quality; the first of equals. */
export function bestQuality<T extends AggregateInput>(inputs: readonly T[]): T {
  return inputs.reduce((best, input) => (input.weight > best.weight ? input : best));
}

/** sum(w * v) / sum(w). */
export function weightedMean(values: readonly number[], weights: readonly number[]): number {
  let sum = 0;
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i]! * weights[i]!;
    total += weights[i]!;
  }
  return sum / total;
}

/** The middle value; the mean of the two in the middle where their number is even. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** One number out of many. `majority` is the median; the other methods say what they are. */
export function aggregateNumbers(
  values: readonly number[],
  inputs: readonly AggregateInput[],
  method: AggregateMethod,
): number {
  switch (method) {
    case "minimum":
      return Math.min(...values);
    case "maximum":
      return Math.max(...values);
    case "majority":
      return median(values);
    case "best-quality":
      return values[inputs.indexOf(bestQuality(inputs))]!;
    default:
      return weightedMean(values, weightsFor(inputs, method));
  }
}

/** A label with the probabilities of all labels. */
export interface Labelled {
  readonly label: string;
  readonly probabilities: Readonly<Record<string, number>>;
}

/**
 * One label out of many. `majority`: the label most pictures have, of equals the one with the greater mean probability;
 * `best-quality`: that of the best picture; `mean` and `quality-weighted-mean`: the greatest mean probability, which is
 * also what `minimum` and `maximum` come to, as labels have no order.
 */
export function aggregateLabels(
  values: readonly Labelled[],
  inputs: readonly AggregateInput[],
  method: AggregateMethod,
): Labelled {
  if (method === "best-quality") return values[inputs.indexOf(bestQuality(inputs))]!;
  const labels = [...new Set(values.flatMap((value) => Object.keys(value.probabilities)))];
  const weights = weightsFor(inputs, method);
  const means = labels.map((label) =>
    weightedMean(
      values.map((value) => value.probabilities[label] ?? 0),
      weights,
    ),
  );
  const mean = toLabelled(means, labels);
  if (method !== "majority") return mean;
  const votes = labels.map((label) => values.filter((value) => value.label === label).length);
  const most = Math.max(...votes);
  const leaders = labels.filter((_, i) => votes[i] === most);
  const label = leaders.reduce((a, b) => (mean.probabilities[b]! > mean.probabilities[a]! ? b : a));
  return { label, probabilities: mean.probabilities };
}

/** The error for a method a part cannot be put together with; planners find it at check time in `methods`. */
export function unfitMethod(key: string, method: AggregateMethod, methods: readonly AggregateMethod[]): FacewireError {
  return new FacewireError(
    "pipeline_invalid",
    `${key} cannot be aggregated by ${method}; methods that fit are ${methods.join(", ")}.`,
    { details: { key, method, methods } },
  );
}
