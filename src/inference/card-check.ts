/** What a card must hold beyond its schema: the outputs of its task, and parts that must agree with each other. */
import type { YamlPath } from "../yaml/problem.ts";
import type { ModelCard, OutputRule } from "./card.ts";
import type { ModelTask } from "./model.ts";
import { parseSource } from "./sources/source.ts";

/** A mistake in a card and the key it is at. */
export interface CardMistake {
  readonly path: YamlPath;
  readonly message: string;
  /** What would have been right, where it can be listed. */
  readonly allowed?: readonly string[];
  readonly found?: string;
}

type Decode = OutputRule["decode"];

/** Outputs each task needs, with the rules that may read them. Tasks with an empty list are free in their outputs. */
export const TASK_OUTPUTS: Readonly<Record<ModelTask, Readonly<Record<string, readonly Decode[]>>>> = {
  detect: { faces: ["ultraface"] },
  landmarks: { points: ["points"] },
  descriptor: { descriptor: ["embedding"] },
  liveness: { live: ["softmax", "binary"] },
  pose: {
    yaw: ["expectation", "value"],
    pitch: ["expectation", "value"],
    roll: ["expectation", "value"],
  },
  eyes: { closed: ["softmax", "binary"] },
  attributes: {},
  emotion: { emotion: ["softmax"] },
};

/** Landmarks that the stages work with: the iBUG 300-W mark-up. */
const LANDMARK_COUNT = 68;
/** The label of output `closed` whose probability means a closed eye. */
const CLOSED_LABEL = "closed";

/** All mistakes of a card that has the right schema; `file` is where it was read from. */
export function cardMistakes(card: ModelCard, file: string): CardMistake[] {
  return [
    ...sourceMistakes(card, file),
    ...inputMistakes(card),
    ...outputMistakes(card),
    ...taskMistakes(card),
    ...livenessMistakes(card),
    ...numberMistakes(card),
  ];
}

function sourceMistakes(card: ModelCard, file: string): CardMistake[] {
  const mistakes: CardMistake[] = [];
  const source = parseSource(card.source, file);
  if (source === undefined) {
    const allowed = ["npm:<package>@<exact version>/<path>", "file:<path beside the card>", "https://…"];
    mistakes.push({ path: ["source"], message: "is not an address of a known form", found: card.source, allowed });
  }
  if (card.integrity === undefined && source !== undefined && source.kind !== "file") {
    mistakes.push({
      path: ["source"],
      message: `needs the key integrity beside it: what ${source.kind} brings is checked`,
    });
  }
  if (new Set(card.prepare).size < card.prepare.length) {
    mistakes.push({ path: ["prepare"], message: "names a step twice" });
  }
  return mistakes;
}

function inputMistakes({ input }: ModelCard): CardMistake[] {
  const channels = input.color === "gray" ? 1 : 3;
  return (["mean", "std"] as const)
    .filter((key) => input[key].length !== 1 && input[key].length !== channels)
    .map((key) => ({
      path: ["input", key],
      message: `must hold one number, or ${channels} for color ${input.color}`,
      found: `${input[key].length} numbers`,
    }));
}

function outputMistakes(card: ModelCard): CardMistake[] {
  return Object.entries(card.outputs).flatMap(([name, rule]) =>
    "labels" in rule && new Set(rule.labels).size < rule.labels.length
      ? [{ path: ["outputs", name, "labels"], message: "names a label twice" }]
      : [],
  );
}

function taskMistakes(card: ModelCard): CardMistake[] {
  const needed = TASK_OUTPUTS[card.task];
  const mistakes: CardMistake[] = [];
  for (const [name, rules] of Object.entries(needed)) {
    const rule = card.outputs[name];
    if (rule === undefined) {
      const message = `must hold an output named ${name} for task ${card.task}`;
      mistakes.push({ path: ["outputs"], message, allowed: Object.keys(needed) });
    } else if (!rules.includes(rule.decode)) {
      const message = `cannot be the ${name} of task ${card.task}`;
      mistakes.push({ path: ["outputs", name, "decode"], message, found: rule.decode, allowed: rules });
    } else if (rule.decode === "points" && rule.count !== LANDMARK_COUNT) {
      const message = `must be ${LANDMARK_COUNT}: stages read points in the iBUG 300-W order`;
      mistakes.push({ path: ["outputs", name, "count"], message, found: String(rule.count) });
    } else if (name === "closed" && "labels" in rule && !rule.labels.includes(CLOSED_LABEL)) {
      const message = `must name the label ${CLOSED_LABEL}`;
      mistakes.push({ path: ["outputs", name, "labels"], message, found: rule.labels.join(", ") });
    }
  }
  if (Object.keys(card.outputs).length === 0) {
    mistakes.push({ path: ["outputs"], message: "must hold at least one output" });
  }
  return mistakes;
}

function numberMistakes({ task, sdk_version }: ModelCard): CardMistake[] {
  if (sdk_version === undefined || task === "descriptor") return [];
  return [{ path: ["sdk_version"], message: "belongs to cards of task descriptor only" }];
}

function livenessMistakes(card: ModelCard): CardMistake[] {
  const { task, liveness } = card;
  if (task !== "liveness") {
    return liveness === undefined ? [] : [{ path: ["liveness"], message: "belongs to cards of task liveness only" }];
  }
  if (liveness === undefined) {
    return [{ path: ["task"], message: "liveness needs the key liveness with live_label and thresholds" }];
  }
  const mistakes: CardMistake[] = [];
  const live = card.outputs.live;
  if (live !== undefined && "labels" in live && !live.labels.includes(liveness.live_label)) {
    mistakes.push({
      path: ["liveness", "live_label"],
      message: "is not a label of output live",
      found: liveness.live_label,
      allowed: live.labels,
    });
  }
  const { SOFT, REGULAR, HARD } = liveness.thresholds;
  if (!(SOFT <= REGULAR && REGULAR <= HARD)) {
    mistakes.push({ path: ["liveness", "thresholds"], message: "must rise from SOFT over REGULAR to HARD" });
  }
  return mistakes;
}
