/** How stages get at a model's decoded outputs: checked against the card when built, typed when run. */
import { FacewireError } from "../errors.ts";
import type { ModelCard, OutputRule } from "../inference/card.ts";
import type { ModelOutput, ModelOutputs } from "../inference/model.ts";

type OutputKind = ModelOutput["kind"];

/** What each decoding rule of a card gives. */
const KIND_OF_RULE: Readonly<Record<OutputRule["decode"], OutputKind>> = {
  ultraface: "detections",
  points: "points",
  embedding: "vector",
  softmax: "probabilities",
  binary: "probabilities",
  expectation: "number",
  value: "number",
};

/**
 * The card's rule for an output a stage needs. Throws `pipeline_invalid`, naming the output and those the card has, when
 * it is missing or gives something of another kind.
 */
export function requireOutput(
  stage: string,
  card: ModelCard,
  output: string,
  kinds: readonly OutputKind[],
): OutputRule {
  const available = Object.keys(card.outputs);
  const details = { stage, model: card.name, output, available };
  const rule = card.outputs[output];
  if (rule === undefined) {
    throw new FacewireError(
      "pipeline_invalid",
      `Stage ${stage} asks for the output "${output}", but the model ${card.name} gives only ${available.join(", ")}. ` +
        "Name a model whose card has it.",
      { details },
    );
  }
  const kind = KIND_OF_RULE[rule.decode];
  if (!kinds.includes(kind)) {
    throw new FacewireError(
      "pipeline_invalid",
      `Stage ${stage} needs ${kinds.join(" or ")} from the output "${output}" of the model ${card.name}, which gives ${kind}.`,
      { details },
    );
  }
  return rule;
}

/** The labels of an output that gives probabilities. Throws `pipeline_invalid` like {@link requireOutput}. */
export function requireLabels(stage: string, card: ModelCard, output: string): readonly string[] {
  const rule = requireOutput(stage, card, output, ["probabilities"]);
  return "labels" in rule ? rule.labels : [];
}

/** A decoded output. Throws `stage_failed` when the model gave none of this name and kind, which its card rules out. */
export function outputOf<K extends OutputKind>(
  outputs: ModelOutputs | undefined,
  name: string,
  kind: K,
): Extract<ModelOutput, { kind: K }> {
  const output = outputs?.[name];
  if (output?.kind !== kind) {
    throw new FacewireError("stage_failed", `The model gave no ${kind} as "${name}".`);
  }
  return output as Extract<ModelOutput, { kind: K }>;
}

/** Probabilities by label, and the label of the greatest (the first of equals). */
export function toLabelled(
  values: ArrayLike<number>,
  labels: readonly string[],
): { label: string; probabilities: Record<string, number> } {
  const probabilities: Record<string, number> = {};
  let best = 0;
  for (let i = 0; i < labels.length; i++) {
    probabilities[labels[i]!] = values[i] ?? 0;
    if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  }
  return { label: labels[best]!, probabilities };
}
