/** Stage `liveness`: whether each face is a live person or a picture, screen or mask of one. */
import { FacewireError } from "../errors.ts";
import { CALIBRATIONS, type ModelCard } from "../inference/card.ts";
import { bestQuality, unfitMethod, weightedMean, weightsFor } from "./aggregate.ts";
import { modelCropRoom } from "./crop-room.ts";
import type { Liveness } from "./item.ts";
import { logit, sigmoid } from "./logit.ts";
import { outputOf, requireLabels } from "./model-outputs.ts";
import { modelName, oneOf, stageOptions } from "./options.ts";
import { type AggregateInput, type AggregateMethod, defineStage } from "./stage.ts";
import { subjectOf } from "./subject.ts";

const OUTPUT = "live";
const METHODS: readonly AggregateMethod[] = [
  "quality-weighted-logit-mean",
  "mean",
  "minimum",
  "maximum",
  "majority",
  "best-quality",
  "quality-weighted-mean",
];

const options = stageOptions({
  model: modelName("liveness-default", "The liveness model."),
  calibration: oneOf(CALIBRATIONS, {
    default: "REGULAR",
    description: "Which threshold of the model's card counts: SOFT lets more people through, HARD fewer attacks.",
  }),
});

export default defineStage({
  kind: "liveness",
  summary: "Tells live people from pictures, screens and masks.",
  description:
    "The probability is the model's own mapped so that 0.5 is the threshold of the calibration: " +
    "`sigmoid(logit(raw) - logit(threshold))`, with raw clipped to [1e-6, 1 - 1e-6]. The score is its logit. The prediction " +
    "is `live` from 0.5 on, else `spoof`; it is `unknown` where the picture has less room around the face than the card's " +
    "`min_crop_room`, because the model is not to be trusted there (the probability is still given). Aggregated, pictures " +
    "with a prediction count and unknown ones are left out unless all are unknown; the prediction is made anew from the " +
    "aggregated probability. `majority` counts predictions, a tie is `spoof`, and the probability is the mean of the winners'.",
  example:
    "stages:\n  - detect: { faces: largest }\n  - landmarks: {}\n  - quality: {}\n  - liveness: { calibration: HARD }\n" +
    "aggregate: { liveness: quality-weighted-logit-mean }",
  options,
  reads: () => ["picture", "face.box"],
  writes: () => ["face.liveness"],
  drops: "Nothing; a face without enough room around it is called `unknown`.",
  cost: "Under 1 µs a face beside the model, which takes 6 ms a face (one thread of a 2-core x86-64 machine with AVX2).",
  models: ({ model }) => [{ name: model, task: "liveness" }],
  aggregation: { key: "liveness", methods: METHODS, aggregate: aggregateLiveness },
  async create({ model: name, calibration }, environment) {
    const model = await environment.model(name);
    const { rules, live } = livenessRules(model.card);
    const shift = logit(rules.thresholds[calibration]);
    return {
      async run(item, faces, context) {
        context.checkpoint();
        const results = await model.run(item.picture, faces.map(subjectOf));
        faces.forEach((face, i) => {
          const raw = outputOf(results[i], OUTPUT, "probabilities").values[live]!;
          const score = logit(raw) - shift;
          const room = modelCropRoom(item.picture, model, subjectOf(face));
          const known = room >= rules.min_crop_room;
          const probability = sigmoid(score);
          face.liveness = {
            probability,
            score,
            prediction: known ? predict(probability) : "unknown",
            calibration,
            raw,
          };
          context.explain(() => {
            const measured = `raw ${raw.toFixed(4)} against ${rules.thresholds[calibration]} (${calibration})`;
            return known
              ? `${measured}: ${predict(probability)}`
              : `${measured}: unknown, the crop has ${room.toFixed(2)} of its room and the card asks for ${rules.min_crop_room}`;
          }, face);
        });
      },
    };
  },
});

/** What a card says about liveness. Throws `card_invalid` when it says nothing, `pipeline_invalid` without the output. */
function livenessRules(card: ModelCard) {
  const rules = card.liveness;
  const live = requireLabels("liveness", card, OUTPUT).indexOf(rules?.live_label ?? "");
  if (rules === undefined || live < 0) {
    throw new FacewireError(
      "card_invalid",
      `The card ${card.name} has no liveness section with a label of "${OUTPUT}".`,
      {
        details: { stage: "liveness", model: card.name },
      },
    );
  }
  return { rules, live };
}

/** The prediction of a calibrated probability. */
function predict(probability: number): "live" | "spoof" {
  return probability >= 0.5 ? "live" : "spoof";
}

/** Puts the liveness of several pictures together; the rules are in the stage's description. */
function aggregateLiveness(inputs: readonly AggregateInput[], method: AggregateMethod): Liveness {
  if (!METHODS.includes(method)) throw unfitMethod("liveness", method, METHODS);
  const known = inputs.filter(({ face }) => face.liveness!.prediction !== "unknown");
  const counted = known.length > 0 ? known : inputs;
  const value = combine(counted, method);
  return known.length > 0 ? value : { ...value, prediction: "unknown" };
}

function combine(inputs: readonly AggregateInput[], method: AggregateMethod): Liveness {
  const all = inputs.map(({ face }) => face.liveness!);
  switch (method) {
    case "minimum":
      return all.reduce((a, b) => (b.score < a.score ? b : a));
    case "maximum":
      return all.reduce((a, b) => (b.score > a.score ? b : a));
    case "best-quality":
      return bestQuality(inputs).face.liveness!;
    case "majority": {
      const live = inputs.filter(({ face }) => predict(face.liveness!.probability) === "live");
      const others = inputs.filter((input) => !live.includes(input));
      return combine(live.length > others.length ? live : others, "mean");
    }
    case "quality-weighted-logit-mean": {
      const weights = weightsFor(inputs, method);
      const score = meanOf(all, weights, (each) => each.score);
      return fromScore(score, sigmoid(meanOf(all, weights, (each) => logit(each.raw))), all[0]!.calibration);
    }
    default: {
      const weights = weightsFor(inputs, method);
      const probability = meanOf(all, weights, (each) => each.probability);
      return fromScore(
        logit(probability),
        meanOf(all, weights, (each) => each.raw),
        all[0]!.calibration,
      );
    }
  }
}

function meanOf(all: readonly Liveness[], weights: readonly number[], pick: (each: Liveness) => number): number {
  return weightedMean(all.map(pick), weights);
}

function fromScore(score: number, raw: number, calibration: string): Liveness {
  const probability = sigmoid(score);
  return { probability, score, prediction: predict(probability), calibration, raw };
}
