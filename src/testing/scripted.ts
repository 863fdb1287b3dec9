/** Writing the scripts of stand-in models. What a script can hold is in `inference/scripted/script.ts`. */
import type {
  ModelScript,
  ScriptedFace,
  ScriptedOutputs,
  ScriptedRule,
  ScriptedStep,
} from "../inference/scripted/script.ts";
import { millisecondsOf } from "./duration.ts";
import type { Gate } from "./gate.ts";

/** What a model does in its next calls; made by {@link inTurn}, {@link failing} and the others below. */
export class Steps {
  readonly steps: readonly ScriptedStep[];

  constructor(steps: readonly ScriptedStep[]) {
    this.steps = steps;
  }
}

/** What a model answers: the faces it finds, or values by the names its card gives its outputs, or {@link Steps}. */
export type Answer = readonly ScriptedFace[] | ScriptedOutputs | Steps;

/**
 * A model that always answers the same. Outputs that are left out are neutral: one frontal, live face in the middle.
 *
 * @example scripted([{ box: [40, 30, 80, 100], score: 0.97 }])
 * @example scripted({ live: 0.2 })
 */
export function scripted(answer: Answer = {}): ModelScript {
  return { rules: [rule(answer)] };
}

/**
 * A model that answers by the picture's name, `*` standing for any letters; the first that fits counts. A picture that is
 * sent as the whole body is called `body`.
 *
 * @example scriptedByName({ "mask-*.jpg": { live: 0.1 }, "*": { live: 0.9 } })
 */
export function scriptedByName(answers: Readonly<Record<string, Answer>>): ModelScript {
  return { rules: Object.entries(answers).map(([name, answer]) => ({ ...rule(answer), name })) };
}

/**
 * A model that answers by the mark that `testPicture` and `testVideo` draw into pictures and frames. `*` is for what has
 * none of the others.
 *
 * @example scriptedByMark({ mask: { live: 0.1 }, "*": { live: 0.9 } })
 */
export function scriptedByMark(answers: Readonly<Record<string, Answer>>): ModelScript {
  const { "*": others, ...marked } = answers;
  const rules = Object.entries(marked).map(([mark, answer]) => ({ ...rule(answer), mark }));
  return { rules: others === undefined ? rules : [...rules, rule(others)] };
}

/** A model that cannot be loaded, as if its file had never been brought: its pipelines are unavailable. */
export function unavailable(message = "The model is scripted to be unavailable."): ModelScript {
  return { rules: [], unavailable: message };
}

/** One answer after the other, call by call; the last one stays. */
export function inTurn(...answers: readonly Answer[]): Steps {
  return new Steps(answers.flatMap(stepsOf));
}

/** One answer for each face of a picture, in the order of the faces; the last one is also for those beyond. */
export function forEachFace(...outputs: readonly ScriptedOutputs[]): Steps {
  return new Steps([{ outputs }]);
}

/** Fails with `stage_failed`: the picture is tried again, and given up after the attempts that the settings allow. */
export function failing(message = "The model is scripted to fail."): Steps {
  return new Steps([{ fail: message }]);
}

/** Ends the worker it runs in, as a crash would. The worker is replaced and the picture tried again. */
export function crashing(): Steps {
  return new Steps([{ crash: true }]);
}

/** Answers after a while: milliseconds, or a text such as `200ms`. Real time, whatever clock the server has. */
export function slow(delay: number | string, answer: Answer = {}): Steps {
  const delayMs = millisecondsOf(delay);
  return new Steps(stepsOf(answer).map((step) => ({ ...step, delayMs })));
}

/** Answers when the gate lets it. */
export function heldAt(gate: Gate, answer: Answer = {}): Steps {
  return new Steps(stepsOf(answer).map((step) => ({ ...step, gate: gate.channel })));
}

function rule(answer: Answer): ScriptedRule {
  return { steps: stepsOf(answer), calls: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT) };
}

function stepsOf(answer: Answer): readonly ScriptedStep[] {
  if (answer instanceof Steps) return answer.steps;
  return [isFaces(answer) ? { faces: answer } : { outputs: [answer] }];
}

function isFaces(answer: readonly ScriptedFace[] | ScriptedOutputs): answer is readonly ScriptedFace[] {
  return Array.isArray(answer);
}
