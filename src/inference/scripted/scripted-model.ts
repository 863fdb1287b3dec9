/** A model that answers as its script says, without a network: everything around it is real. */
import { FacewireError } from "../../errors.ts";
import type { Box, Picture } from "../../media/picture.ts";
import { nearest } from "../../yaml/nearest.ts";
import type { ModelCard } from "../card.ts";
import { cropBox } from "../crop.ts";
import type { Model, ModelOutputs, Subject } from "../model.ts";
import { waitAtGate } from "./gate.ts";
import { isMarked, readCells } from "./mark.ts";
import type { ModelScript, ScriptedOutputs, ScriptedRule, ScriptedStep } from "./script.ts";
import { nameOf } from "./shown-names.ts";
import { type ScriptedOutput, scriptedOutput, unfit } from "./values.ts";

/** Exit code of a worker that a script ends. */
const CRASH = 70;

/** Outputs of one face, by the names of the card. */
type Answer = Readonly<Record<string, ScriptedOutput>>;

interface Step {
  readonly step: ScriptedStep;
  /** One for each face; the last also for those beyond. */
  readonly answers: readonly Answer[];
}

interface Rule {
  readonly rule: ScriptedRule;
  readonly name: RegExp | undefined;
  readonly calls: Int32Array;
  readonly steps: readonly Step[];
}

/** See the file's head. */
export class ScriptedModel implements Model {
  readonly card: ModelCard;
  readonly #rules: readonly Rule[];
  readonly #neutral: Step;

  /** Throws `config_invalid` when the script names outputs or labels that the card does not have, or values that do not fit. */
  constructor(card: ModelCard, script: ModelScript) {
    this.card = card;
    this.#neutral = compileStep(card, {});
    this.#rules = script.rules.map((rule) => ({
      rule,
      name: rule.name === undefined ? undefined : wildcard(rule.name),
      calls: new Int32Array(rule.calls),
      steps: rule.steps.map((step) => compileStep(card, step)),
    }));
  }

  async run(picture: Picture, subjects: readonly Subject[]): Promise<readonly ModelOutputs[]> {
    const { step, answers } = this.#next(picture);
    if (step.gate !== undefined) await waitAtGate(step.gate, nameOf(picture));
    if (step.delayMs !== undefined) await Bun.sleep(step.delayMs);
    if (step.crash) process.exit(CRASH);
    if (step.fail !== undefined) throw new FacewireError("stage_failed", step.fail);
    return subjects.map((subject, at) => {
      const answer = answers[Math.min(at, answers.length - 1)]!;
      return Object.fromEntries(Object.entries(answer).map(([name, output]) => [name, output(picture, subject)]));
    });
  }

  cropBox(picture: Pick<Picture, "width" | "height">, subject: Subject): Box {
    return cropBox(this.card, picture, subject);
  }

  /** There is nothing to free. */
  async release(): Promise<void> {}

  #next(picture: Picture): Step {
    const cells = this.#rules.some(({ rule }) => rule.mark !== undefined) ? readCells(picture) : [];
    const found = this.#rules.find(
      ({ rule, name }) =>
        (name === undefined || name.test(nameOf(picture))) && (rule.mark === undefined || isMarked(cells, rule.mark)),
    );
    if (!found) return this.#neutral;
    const turn = Atomics.add(found.calls, 0, 1);
    return found.steps[Math.min(turn, found.steps.length - 1)] ?? this.#neutral;
  }
}

function compileStep(card: ModelCard, step: ScriptedStep): Step {
  const faces = step.faces === undefined ? {} : { [detectionsOutput(card)]: step.faces };
  const outputs: readonly ScriptedOutputs[] = step.outputs?.length ? step.outputs : [{}];
  return { step, answers: outputs.map((each) => compileAnswer(card, { ...faces, ...each })) };
}

function compileAnswer(card: ModelCard, values: ScriptedOutputs): Answer {
  const names = Object.keys(card.outputs);
  const wrong = Object.keys(values).find((name) => !names.includes(name));
  if (wrong !== undefined) {
    const near = nearest(wrong, names);
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    throw unfit(
      `The script of model ${card.name}`,
      `has the output "${wrong}", but the card has ${names.join(", ")}${hint}`,
    );
  }
  return Object.fromEntries(names.map((name) => [name, scriptedOutput(card, name, values[name])]));
}

function detectionsOutput(card: ModelCard): string {
  const found = Object.entries(card.outputs).find(([, rule]) => rule.decode === "ultraface");
  if (found) return found[0];
  throw unfit(`The script of model ${card.name}`, "is a list of faces, but the model gives no detections");
}

function wildcard(pattern: string): RegExp {
  return new RegExp(`^${pattern.split("*").map(RegExp.escape).join(".*")}$`, "s");
}
