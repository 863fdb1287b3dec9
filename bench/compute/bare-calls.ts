/** The limit: onnxruntime's own calls on tensors that lie ready, with sessions set up as Facewire's are. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { ModelCard } from "../../src/inference/card.ts";
import { cropBorder, cropMap } from "../../src/inference/crop.ts";
import { outputDecoder } from "../../src/inference/decode/output-decoder.ts";
import type { Model } from "../../src/inference/model.ts";
import { sessionOptions } from "../../src/inference/session.ts";
import type { Picture } from "../../src/media/picture.ts";
import { type Plan, stagesOf } from "../../src/pipeline/plan.ts";

/** One call of a model. */
export interface PreparedCall {
  readonly model: string;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

interface BareModel {
  readonly session: InferenceSession;
  readonly fetches: readonly string[];
}

/** A session for every model of some plans. */
export class BareModels {
  readonly #models: ReadonlyMap<string, BareModel>;

  private constructor(models: ReadonlyMap<string, BareModel>) {
    this.#models = models;
  }

  /** Loads them from their prepared files. */
  static async load(
    cards: readonly ModelCard[],
    files: Readonly<Record<string, string>>,
    plans: readonly Plan[],
  ): Promise<BareModels> {
    const wanted = new Set(plans.flatMap((plan) => stagesOf(plan.steps).flatMap((stage) => stage.models)));
    const models = new Map<string, BareModel>();
    for (const card of cards) {
      if (!wanted.has(card.name)) continue;
      const session = await InferenceSession.create(files[card.name] ?? "", sessionOptions(1));
      const rules = Object.values(card.outputs).map((rule) => outputDecoder(rule, card.input));
      models.set(card.name, { session, fetches: [...new Set(rules.flatMap((rule) => rule.tensors))] });
    }
    return new BareModels(models);
  }

  /** Makes one call; its outputs are thrown away. */
  async run({ model, feeds }: PreparedCall): Promise<void> {
    const { session, fetches } = this.#models.get(model)!;
    await session.run(feeds, fetches);
  }
}

/** The model itself, noting every call it makes with a copy of the tensor. */
export function recordingModel(model: Model, into: PreparedCall[]): Model {
  return {
    card: model.card,
    cropBox: (picture, subject) => model.cropBox(picture, subject),
    run(picture, subjects) {
      for (let from = 0; from < subjects.length; from += model.card.batch) {
        into.push(prepare(model.card, picture, subjects.slice(from, from + model.card.batch)));
      }
      return model.run(picture, subjects);
    },
  };
}

function prepare(card: ModelCard, picture: Picture, subjects: Parameters<Model["run"]>[1]): PreparedCall {
  const { tensor, width, height, color, mean, std } = card.input;
  const channels = color === "gray" ? 1 : 3;
  const perChannel = (values: readonly number[]) => Array.from({ length: channels }, (_, i) => values[i] ?? values[0]!);
  const target = {
    width,
    height,
    color,
    mean: perChannel(mean),
    std: perChannel(std),
    border: cropBorder(card.crop),
  };
  const length = channels * height * width;
  const data = new Float32Array(subjects.length * length);
  for (const [row, subject] of subjects.entries()) {
    picture.warp(cropMap(card, picture, subject), target, data, row * length);
  }
  return {
    model: card.name,
    feeds: { [tensor]: new Tensor("float32", data, [subjects.length, channels, height, width]) },
  };
}
