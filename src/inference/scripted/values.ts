/** From the values of a script to what a network's decoder would give. Scripts are checked when a model is made of one. */
import { FacewireError } from "../../errors.ts";
import type { Point } from "../../media/picture.ts";
import { nearest } from "../../yaml/nearest.ts";
import type { ModelCard, OutputRule } from "../card.ts";
import { suppress } from "../decode/ultraface.ts";
import type { ModelOutput, Subject } from "../model.ts";
import { frontalPoints } from "./frontal-face.ts";
import type { ScriptedFace, ScriptedValue } from "./script.ts";

/** Gives the output for a picture and what is looked at on it. */
export type ScriptedOutput = (
  picture: { readonly width: number; readonly height: number },
  subject: Subject,
) => ModelOutput;

/**
 * What a neutral detector finds: one face in the middle, four fifths as wide as high, and of a height (in heights of the
 * picture) that leaves liveness models all the room they wish for.
 */
const NEUTRAL_FACE = { height: 0.35, aspect: 0.8, score: 0.99 } as const;
/** Probability of the label that a neutral model chooses. */
const NEUTRAL_PROBABILITY = 0.95;
/** Age of a neutral face; every other neutral number is 0. */
const NEUTRAL_AGE = 30;
/** The one whose vector a neutral model gives. */
const NEUTRAL_PERSON = "somebody";
/** Probabilities may miss 1 by this much: they were written by hand. */
const ROUNDING = 1e-6;

/** The output `name` of a card as the script says, or neutral. Throws `config_invalid` when the value does not fit. */
export function scriptedOutput(card: ModelCard, name: string, value: ScriptedValue | undefined): ScriptedOutput {
  const rule = card.outputs[name]!;
  const at = `The script of model ${card.name}, output ${name}`;
  switch (rule.decode) {
    case "ultraface":
      return detections(at, rule, value);
    case "points":
      return points(at, rule.count, value);
    case "embedding":
      return constant({ kind: "vector", values: vectorOf(at, rule, value ?? NEUTRAL_PERSON) });
    case "softmax":
    case "binary":
      return constant({ kind: "probabilities", values: probabilitiesOf(at, card, rule.labels, value) });
    case "expectation":
    case "value": {
      const number = value ?? (name === "age" ? NEUTRAL_AGE : 0);
      if (typeof number !== "number" || !Number.isFinite(number)) throw unfit(at, "must be a number");
      return constant({ kind: "number", value: number });
    }
  }
}

/** The mistake of a script that does not fit its model. */
export function unfit(at: string, problem: string): FacewireError {
  return new FacewireError("config_invalid", `${at}: it ${problem}.`);
}

function constant(output: ModelOutput): ScriptedOutput {
  return () => output;
}

/** The card's threshold and overlap count, as they do for what the network itself finds. */
function detections(
  at: string,
  rule: Extract<OutputRule, { decode: "ultraface" }>,
  value: ScriptedValue | undefined,
): ScriptedOutput {
  if (value === undefined) {
    return ({ width, height }) => {
      const tall = NEUTRAL_FACE.height * height;
      const wide = NEUTRAL_FACE.aspect * tall;
      const box = { x: (width - wide) / 2, y: (height - tall) / 2, width: wide, height: tall };
      return { kind: "detections", detections: [{ box, score: NEUTRAL_FACE.score }] };
    };
  }
  if (!isList(value)) throw unfit(at, "must be a list of faces, such as [{ box: [40, 30, 80, 100] }]");
  const found = (value as readonly ScriptedFace[]).map((face) => ({ box: boxOf(at, face), score: scoreOf(at, face) }));
  const kept = suppress(
    found.filter(({ score }) => score > rule.threshold),
    rule.nms_iou,
  );
  return constant({ kind: "detections", detections: kept });
}

function boxOf(at: string, face: ScriptedFace) {
  const box = face?.box ?? [];
  const sides = "x" in box ? [box.x, box.y, box.width, box.height] : box;
  const [x = 0, y = 0, width = 0, height = 0] = sides;
  if (sides.length !== 4 || !sides.every(isNumber) || width <= 0 || height <= 0) {
    throw unfit(at, "must give each face a box: left, top, width and height in pixels");
  }
  return { x, y, width, height };
}

function scoreOf(at: string, { score = NEUTRAL_FACE.score }: ScriptedFace): number {
  if (score >= 0 && score <= 1) return score;
  throw unfit(at, "must give each face a score from 0 to 1");
}

function points(at: string, count: number, value: ScriptedValue | undefined): ScriptedOutput {
  if (value === undefined) return (_, { box }) => ({ kind: "points", points: frontalPoints(box, count) });
  if (!isList(value) || value.length !== count || !value.every(isPoint)) {
    throw unfit(at, `must be ${count} points, each a list of x and y in pixels`);
  }
  return constant({ kind: "points", points: value });
}

function vectorOf(
  at: string,
  { length, normalize }: Extract<OutputRule, { decode: "embedding" }>,
  value: ScriptedValue,
): Float32Array {
  const values = new Float32Array(length);
  if (typeof value === "string") return unitLength(namedVector(value, values));
  if (!isList(value) || value.length > length || !value.every(isNumber)) {
    throw unfit(at, `must be a name or at most ${length} numbers`);
  }
  values.set(value);
  return normalize === "l2" ? unitLength(values) : values;
}

/**
 * Numbers of -1 to 1 that belong to a name, by the mulberry32 generator (public domain, Tommy Ettinger). Vectors of
 * different names are as good as orthogonal: among 512 numbers the cosine of two is beyond 0.2 once in a million.
 */
function namedVector(name: string, values: Float32Array): Float32Array {
  let state = Number(Bun.hash.wyhash(name) & 0xffffffffn) | 0;
  return values.map(() => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * 2 - 1;
  });
}

function unitLength(values: Float32Array): Float32Array {
  const length = Math.hypot(...values);
  return length === 0 ? values : values.map((value) => value / length);
}

function probabilitiesOf(
  at: string,
  card: ModelCard,
  labels: readonly string[],
  value: ScriptedValue | undefined,
): Float32Array {
  const given = byLabel(at, card, labels, value);
  const wrong = Object.keys(given).find((label) => !labels.includes(label));
  if (wrong !== undefined) {
    const near = nearest(wrong, labels);
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    throw unfit(at, `names the label "${wrong}", but there are ${labels.join(", ")}${hint}`);
  }
  const sum = Object.values(given).reduce((total, probability) => total + probability, 0);
  const others = labels.filter((label) => !Object.hasOwn(given, label));
  const valid = Object.values(given).every((probability) => probability >= 0 && probability <= 1);
  if (!valid || sum > 1 + ROUNDING || (others.length === 0 && sum < 1 - ROUNDING)) {
    throw unfit(at, "must give probabilities from 0 to 1 that add up to 1");
  }
  const rest = others.length === 0 ? 0 : (1 - sum) / others.length;
  return Float32Array.from(labels, (label) => given[label] ?? rest);
}

function byLabel(
  at: string,
  card: ModelCard,
  labels: readonly string[],
  value: ScriptedValue | undefined,
): Readonly<Record<string, number>> {
  const live = card.liveness?.live_label;
  if (value === undefined) return { [neutralLabel(card, labels)]: NEUTRAL_PROBABILITY };
  if (typeof value === "string") return { [value]: 1 };
  if (typeof value === "number" && live !== undefined) return { [live]: value };
  if (typeof value === "object" && !isList(value)) return value;
  throw unfit(at, `must be one of the labels ${labels.join(", ")}, or probabilities by label`);
}

/** A live person with open eyes and a neutral expression; else the first label. */
function neutralLabel({ liveness }: ModelCard, labels: readonly string[]): string {
  return liveness?.live_label ?? ["neutral", "open"].find((label) => labels.includes(label)) ?? labels[0]!;
}

/** As `Array.isArray`, which does not tell lists that cannot be written to from other values. */
function isList<T extends ScriptedValue>(value: T): value is Extract<T, readonly unknown[]> {
  return Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function isPoint(value: unknown): value is Point {
  return Array.isArray(value) && value.length === 2 && value.every(isNumber);
}
