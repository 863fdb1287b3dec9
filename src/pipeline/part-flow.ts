/** Whether every part a stage reads is written before it, and none is written twice. */
import type { Part } from "../stages/item.ts";
import type { StageRegistry } from "../stages/registry.ts";
import type { StageKind } from "../stages/stage.ts";
import { type CheckedYaml, checkValue } from "../yaml/checked-yaml.ts";
import type { YamlPath } from "../yaml/problem.ts";
import type { PlanProblems } from "./plan-problems.ts";

/** Parts that several stages may write because each adds its own names. */
const SHARED_PARTS: ReadonlySet<string> = new Set(["face.attributes", "face.crops"]);

/** Among the parts that were written: something that cannot be known, so that any part may have been. */
const ANYTHING = "*";

/** A stage as far as parts go; `word` is what messages call it. */
export interface StageParts {
  readonly word: string;
  readonly reads: readonly Part[];
  readonly writes: readonly Part[];
}

/** See the file's head. `written` is always the set of parts that earlier stages wrote; it gains those written here. */
export class PartFlow {
  readonly #stages: StageRegistry;
  readonly #yaml: Pick<CheckedYaml<unknown>, "problem">;
  readonly #problems: PlanProblems;
  readonly #writesByDefault = new Map<StageKind, readonly string[]>();

  constructor(stages: StageRegistry, yaml: Pick<CheckedYaml<unknown>, "problem">, problems: PlanProblems) {
    this.#stages = stages;
    this.#yaml = yaml;
    this.#problems = problems;
  }

  /** Takes a stage into the flow; reports at `at` the parts it misses, and those that were written already. */
  stage({ word, reads, writes }: StageParts, written: Set<string>, at: YamlPath): void {
    if (!written.has(ANYTHING)) {
      for (const part of reads) if (!written.has(part)) this.#missing(word, part, at);
    }
    for (const part of writes) {
      if (written.has(part) && !SHARED_PARTS.has(part)) {
        this.#problems.report(at, `writes ${part}, which an earlier stage writes already`);
      }
      written.add(part);
    }
  }

  /** Takes a stage whose options are wrong as if it wrote its parts: one mistake must not bring a false one for each later stage. */
  brokenStage(kind: StageKind, written: Set<string>): void {
    for (const part of this.#defaultWrites(kind)) written.add(part);
  }

  /** Takes an entry of which nobody knows what it would write: a misspelt stage, a pipeline that is not there. */
  unknownStage(written: Set<string>): void {
    written.add(ANYTHING);
  }

  /** Joins a branch that began with `before` and ended with `own`; reports at `at` what a sibling wrote too. */
  branch(before: ReadonlySet<string>, own: ReadonlySet<string>, written: Set<string>, at: YamlPath): void {
    for (const part of own) {
      if (before.has(part)) continue;
      if (written.has(part) && !SHARED_PARTS.has(part) && part !== ANYTHING) {
        this.#problems.report(at, `writes ${part}, which another branch writes too`);
      }
      written.add(part);
    }
  }

  #missing(word: string, part: Part, at: YamlPath): void {
    const writers = this.#stages.kinds().filter((kind) => this.#defaultWrites(kind).includes(part));
    const hint = writers.length > 0 ? `: put ${writers.map((kind) => `\`${kind.kind}\``).join(" or ")} before it` : "";
    this.#problems.report(at, `${word} needs ${part}, which no earlier stage writes${hint}`);
  }

  /** Parts a kind writes with its default options; none where it has no valid defaults. */
  #defaultWrites(kind: StageKind): readonly string[] {
    const known = this.#writesByDefault.get(kind);
    if (known) return known;
    const { value, problems } = checkValue(kind.options, {}, { yaml: this.#yaml, path: [] });
    const writes = problems.length === 0 ? kind.writes(value as never) : [];
    this.#writesByDefault.set(kind, writes);
    return writes;
  }
}
