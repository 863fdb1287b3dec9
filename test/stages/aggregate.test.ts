import { describe, expect, test } from "bun:test";
import { weightsFor } from "../../src/stages/aggregate.ts";
import type { Face } from "../../src/stages/item.ts";
import { logit, sigmoid } from "../../src/stages/logit.ts";
import { BUILT_IN_KINDS, StageRegistry } from "../../src/stages/registry.ts";
import { AGGREGATE_METHODS, type AggregateInput, type AggregateMethod } from "../../src/stages/stage.ts";

const registry = new StageRegistry();
const box = { x: 0, y: 0, width: 10, height: 10 };
const input = (weight: number, parts: Partial<Face>): AggregateInput => ({ face: { box, score: 1, ...parts }, weight });
const aggregate = (kind: string, inputs: readonly AggregateInput[], method: AggregateMethod) =>
  registry.get(kind).aggregation!.aggregate(inputs, method, {});

/** A face with a liveness of this raw probability under a threshold of 0.3. */
function live(weight: number, raw: number, prediction?: "unknown"): AggregateInput {
  const score = logit(raw) - logit(0.3);
  const liveness = { probability: sigmoid(score), score, raw, calibration: "REGULAR" };
  return input(weight, { liveness: { ...liveness, prediction: prediction ?? (score >= 0 ? "live" : "spoof") } });
}

describe("liveness over several pictures", () => {
  const inputs = [live(0.9, 0.8), live(0.3, 0.1), live(0.6, 0.6)];
  const [a, b, c] = inputs.map(({ face }) => face.liveness!) as [Live, Live, Live];
  type Live = NonNullable<Face["liveness"]>;

  test("quality-weighted-logit-mean is the weighted mean of the scores, and raw and probability fit the score", () => {
    const score = (0.9 * a.score + 0.3 * b.score + 0.6 * c.score) / 1.8;
    const value = aggregate("liveness", inputs, "quality-weighted-logit-mean") as Live;
    expect(value.score).toBeCloseTo(score, 12);
    expect(value.probability).toBeCloseTo(sigmoid(score), 12);
    expect(logit(value.raw) - logit(0.3)).toBeCloseTo(score, 9);
    expect(value.prediction).toBe("live");
    expect(value.calibration).toBe("REGULAR");
  });

  test("mean and quality-weighted-mean are of the probabilities", () => {
    const mean = aggregate("liveness", inputs, "mean") as Live;
    expect(mean.probability).toBeCloseTo((a.probability + b.probability + c.probability) / 3, 12);
    const weighed = aggregate("liveness", inputs, "quality-weighted-mean") as Live;
    expect(weighed.probability).toBeCloseTo(
      (0.9 * a.probability + 0.3 * b.probability + 0.6 * c.probability) / 1.8,
      12,
    );
  });

  test("minimum, maximum and best-quality are one picture's own values", () => {
    expect(aggregate("liveness", inputs, "minimum")).toEqual(b);
    expect(aggregate("liveness", inputs, "maximum")).toEqual(a);
    expect(aggregate("liveness", inputs, "best-quality")).toEqual(a);
  });

  test("majority counts predictions and gives the winners' mean", () => {
    const value = aggregate("liveness", inputs, "majority") as Live;
    expect(value.prediction).toBe("live");
    expect(value.probability).toBeCloseTo((a.probability + c.probability) / 2, 12);
  });

  test("a tie of predictions is a spoof", () => {
    expect((aggregate("liveness", [live(1, 0.99), live(1, 0.2)], "majority") as Live).prediction).toBe("spoof");
  });

  test("the prediction is made anew: two weak spoofs outweigh nothing, one sure live wins the logit mean", () => {
    const value = aggregate("liveness", [live(1, 0.999), live(1, 0.2)], "quality-weighted-logit-mean") as Live;
    expect(value.prediction).toBe("live");
  });

  test("unknown pictures are left out, and all of them unknown is unknown", () => {
    const value = aggregate("liveness", [live(1, 0.05), live(1, 0.99, "unknown")], "mean") as Live;
    expect(value).toMatchObject({
      prediction: "spoof",
      probability: expect.closeTo(live(1, 0.05).face.liveness!.probability, 9),
    });
    const unknown = aggregate("liveness", [live(1, 0.99, "unknown")], "mean") as Live;
    expect(unknown.prediction).toBe("unknown");
    expect(unknown.probability).toBeGreaterThan(0.9);
  });

  test("qualities of zero weigh equally instead of dividing by zero", () => {
    expect(weightsFor([live(0, 0.5), live(0, 0.6)], "quality-weighted-mean")).toEqual([1, 1]);
  });
});

describe("attributes over several pictures", () => {
  const person = (weight: number, age: number, male: number) =>
    input(weight, {
      attributes: {
        age: { value: age },
        gender: { label: male > 0.5 ? "male" : "female", probabilities: { female: 1 - male, male } },
      },
    });
  const inputs = [person(0.2, 20, 0.9), person(0.6, 30, 0.4), person(0.2, 60, 0.45)];
  const of = (method: AggregateMethod) =>
    aggregate("attributes", inputs, method) as { age: { value: number }; gender: { label: string } };

  test("numbers follow the method; majority is the median", () => {
    expect(of("mean").age.value).toBeCloseTo(110 / 3, 12);
    expect(of("quality-weighted-mean").age.value).toBeCloseTo(34, 12);
    expect(of("minimum").age.value).toBe(20);
    expect(of("maximum").age.value).toBe(60);
    expect(of("majority").age.value).toBe(30);
    expect(of("best-quality").age.value).toBe(30);
  });

  test("labels: the greatest mean probability, the most pictures, or the best picture's", () => {
    expect(of("mean").gender).toMatchObject({ label: "male", probabilities: { male: expect.closeTo(1.75 / 3, 12) } });
    expect(of("quality-weighted-mean").gender.label).toBe("male");
    expect(of("majority").gender.label).toBe("female");
    expect(of("best-quality").gender.label).toBe("female");
  });

  test("a tie of labels goes to the greater mean probability", () => {
    const tied = aggregate("attributes", [person(1, 1, 0.9), person(1, 1, 0.4)], "majority") as ReturnType<typeof of>;
    expect(tied.gender.label).toBe("male");
  });
});

describe("descriptors over several pictures", () => {
  const vector = (weight: number, ...values: number[]) =>
    input(weight, { descriptor: { model: "m", version: "1", values: Float32Array.from(values) } });
  const inputs = [vector(1, 1, 0), vector(3, 0, 1)];
  const of = (method: AggregateMethod) => aggregate("descriptor", inputs, method) as { values: Float32Array };

  test("means have length 1 and lie where the weights say", () => {
    expect([...of("mean").values]).toEqual([expect.closeTo(Math.SQRT1_2, 6), expect.closeTo(Math.SQRT1_2, 6)]);
    const root = Math.sqrt(10);
    expect([...of("quality-weighted-mean").values]).toEqual([expect.closeTo(1 / root, 6), expect.closeTo(3 / root, 6)]);
  });

  test("best-quality is the best picture's own", () => {
    expect(of("best-quality").values).toBe(inputs[1]!.face.descriptor!.values);
  });
});

test("pose and quality come out in the shape users see", () => {
  const pose = [
    input(0.5, { pose: { yaw: 10, pitch: 2, roll: 0 } }),
    input(1, { pose: { yaw: -5, pitch: 5, roll: 3 } }),
  ];
  expect(aggregate("pose", pose, "mean")).toEqual({ yaw: 2.5, pitch: 3.5, roll: 1.5 });
  expect(aggregate("pose", pose, "best-quality")).toEqual({ yaw: -5, pitch: 5, roll: 3 });
  const quality = { sharpness: 0.4, darkness: 1, light: 1, saturation: 1, eyeDistance: 80, cropRoom: 1, overall: 0.6 };
  const better = { ...quality, sharpness: 0.8, eyeDistance: 40 };
  const value = aggregate("quality", [input(0.6, { quality }), input(0.7, { quality: better })], "mean");
  expect(value).toMatchObject({ sharpness: expect.closeTo(0.6, 12), eye_distance: 60, crop_room: 1 });
});

test("every kind refuses the methods it does not list, naming those that fit", () => {
  for (const { aggregation } of BUILT_IN_KINDS) {
    if (aggregation === undefined) continue;
    const unfit = AGGREGATE_METHODS.filter((method) => !aggregation.methods.includes(method));
    for (const method of unfit) {
      expect(() => aggregation.aggregate([input(1, {})], method, {})).toThrow(`cannot be aggregated by ${method}`);
    }
  }
});
