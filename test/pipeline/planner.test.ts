import { beforeAll, describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FacewireError } from "../../src/errors.ts";
import { ModelCatalog } from "../../src/inference/catalog.ts";
import { planPipeline } from "../../src/pipeline/planner.ts";
import { StageRegistry } from "../../src/stages/registry.ts";
import type { Problem } from "../../src/yaml/checked-yaml.ts";
import { PROJECT_ROOT } from "../support/cli.ts";
import { FIXTURE_STAGES } from "../support/engine.ts";

let stages: StageRegistry;
let models: ModelCatalog;

beforeAll(async () => {
  stages = await StageRegistry.load(FIXTURE_STAGES);
  models = await ModelCatalog.load(join(PROJECT_ROOT, "models"));
});

/** Plans a pipeline called `p` from its stages on; `others` are the texts `use:` finds. */
function plan(text: string, others: Record<string, string> = {}, name = "p") {
  return planPipeline(`name: ${name}\ndescription: For a test.\n${text}`, `${name}.yaml`, {
    stages,
    models,
    pools: { default: { slots: 4, queue: 10 }, heavy: { slots: 2, queue: 10 } },
    source: (other) => {
      const found = others[other];
      return found === undefined
        ? undefined
        : { text: `name: ${other}\ndescription: Another.\n${found}`, file: `${other}.yaml` };
    },
    names: () => [name, ...Object.keys(others)],
  });
}

function problems(text: string, others?: Record<string, string>): readonly Problem[] {
  try {
    plan(text, others);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(FacewireError);
    expect((thrown as FacewireError).code).toBe("pipeline_invalid");
    return (thrown as FacewireError).details?.problems as Problem[];
  }
  throw new Error("The pipeline was taken, but it is not valid.");
}

describe("a pipeline file", () => {
  test("of every shipped pipeline is valid", async () => {
    const folder = join(PROJECT_ROOT, "pipelines");
    const files = (await readdir(folder)).filter((file) => !file.includes(".test."));
    expect(files.length).toBeGreaterThanOrEqual(4);
    for (const file of files) {
      const text = await Bun.file(join(folder, file)).text();
      const context = { stages, models, pools: {}, source: () => undefined, names: () => [] };
      expect(planPipeline(text, file, context, file.replace(".yaml", "")).plan.steps.length).toBeGreaterThan(0);
    }
  });

  test("with a misspelt key is refused with file, line, the allowed keys and the nearest one", () => {
    const [problem] = problems("stages: [detect]\nagregate: {}\n");
    expect(problem).toMatchObject({ file: "p.yaml", line: 4, path: "agregate", nearest: "aggregate" });
    expect(problem?.allowed).toContain("limits");
  });

  test("with a misspelt stage is refused with the line and the nearest kind", () => {
    const [problem] = problems("stages:\n  - detect: {}\n  - landmark: {}\n");
    expect(problem).toMatchObject({ line: 5, found: "landmark", nearest: "landmarks" });
  });

  test("with a misspelt stage is not also told that nobody writes what that stage would have written", () => {
    const found = (text: string) => problems(text).map(({ message, found }) => `${message} ${found}`);
    expect(found("stages: [detct, landmarks, quality, liveness]\naggregate: { quality: mean }\n")).toEqual([
      "is no kind of stage detct",
    ]);
    expect(found("stages:\n  - use: nobody\n  - liveness: {}\n")).toEqual(["is no pipeline nobody"]);
    // In two branches, and behind them.
    const branches = "stages:\n  - detect\n  - parallel: [[lndmarks, eyes], [pos]]\n  - quality\n";
    expect(found(branches)).toEqual(["is no kind of stage lndmarks", "is no kind of stage pos"]);
    // What stands before it, and beside it, is judged as ever.
    expect(found("stages: [eyes, lndmarks]\n")).toHaveLength(2 + 1);
    expect(found("stages:\n  - detect\n  - parallel: [[lndmarks], [eyes]]\n")).toHaveLength(2);
  });

  test("with a misspelt option is refused with the line and the nearest option", () => {
    const [problem] = problems("stages:\n  - detect:\n      min_fac: 40px\n");
    expect(problem).toMatchObject({ line: 5, path: "stages[0].detect.min_fac", nearest: "min_face" });
  });

  test("tells all its mistakes at once", () => {
    const found = problems("stages:\n  - detekt: {}\n  - liveness: { calibration: MEDIUM }\n    pool: none\n");
    expect(found.map((problem) => problem.line)).toEqual(expect.arrayContaining([4, 5, 6]));
  });

  test("whose name is not the file's is refused", () => {
    const context = { stages, models, pools: {}, source: () => undefined, names: () => [] };
    const text = "name: other\ndescription: x\nstages: [detect]\n";
    expect(() => planPipeline(text, "p.yaml", context, "p")).toThrow("must be the file's name");
  });

  test("may be JSON", () => {
    const context = { stages, models, pools: {}, source: () => undefined, names: () => [] };
    const text = JSON.stringify({ name: "p", description: "x", stages: [{ detect: { faces: "largest" } }] });
    expect(planPipeline(text, "body", context).plan.steps).toHaveLength(1);
  });

  test("gets a deadline within bounds or is refused", () => {
    expect(plan("stages: [detect]\nlimits: { deadline: 1.5s }\n").plan.deadlineMs).toBe(1500);
    expect(problems("stages: [detect]\nlimits: { deadline: 11m }\n")[0]?.path).toBe("limits.deadline");
    expect(problems("stages: [detect]\nlimits: { deadline: soon }\n")[0]?.path).toBe("limits.deadline");
  });

  test("has another version as soon as its text differs", () => {
    const version = plan("stages: [detect]\n").plan.version;
    expect(version).toMatch(/^[0-9a-f]{12}$/);
    expect(plan("stages: [detect]\n").plan.version).toBe(version);
    expect(plan("stages: [detect, landmarks]\n").plan.version).not.toBe(version);
  });
});

describe("the data flow", () => {
  test("refuses a stage whose need nobody writes, and says which stage to put before it", () => {
    const [problem] = problems("stages:\n  - detect: {}\n  - descriptor: {}\n");
    expect(problem?.message).toContain("needs face.landmarks");
    expect(problem?.message).toContain("`landmarks`");
  });

  test("refuses two stages that write the same part", () => {
    expect(problems("stages: [detect, detect]\n")[0]?.message).toContain("face.box");
  });

  test("lets several stages add attributes", () => {
    expect(plan("stages: [detect, attributes, attributes]\n").plan.steps).toHaveLength(3);
  });

  test("refuses a branch that leans on its sibling", () => {
    const [problem] = problems(
      "stages:\n  - detect: {}\n  - parallel:\n      - landmarks: {}\n      - descriptor: {}\n",
    );
    expect(problem).toMatchObject({ line: 7 });
    expect(problem?.message).toContain("needs face.landmarks");
  });

  test("refuses two branches that write the same part", () => {
    const text = "stages:\n  - detect: {}\n  - parallel:\n      - emotion: {}\n      - emotion: {}\n";
    expect(problems(text)[0]?.message).toContain("another branch writes too");
  });

  test("gives what branches write to the stages behind them", () => {
    const text =
      "stages:\n  - detect: {}\n  - parallel:\n      - [landmarks, quality]\n      - emotion: {}\n  - descriptor: {}\n";
    expect(plan(text).plan.steps).toHaveLength(3);
  });
});

describe("models", () => {
  test("that have no card are refused with those that would fit and the nearest", () => {
    const [problem] = problems("stages:\n  - detect: { model: detector-defualt }\n");
    expect(problem).toMatchObject({ found: "detector-defualt", nearest: "detector-default" });
    expect(problem?.allowed).toContain("ultraface-320");
    expect(problem?.allowed).not.toContain("liveness-default");
  });

  test("without an output that is asked for are refused, and no value is invented", () => {
    const [problem] = problems("stages:\n  - detect: {}\n  - attributes: { want: [age, ethnicity] }\n");
    expect(problem).toMatchObject({ line: 5, found: "ethnicity", allowed: ["age", "gender"] });
    expect(problem?.message).toContain("faceres-age-gender");
  });

  test("of another task are refused", () => {
    const [problem] = problems("stages:\n  - detect: { model: liveness-default }\n");
    expect(problem?.message).toContain("liveness-default is for liveness");
  });
});

describe("use", () => {
  test("puts another pipeline's stages in its place", () => {
    const { plan: planned } = plan("stages:\n  - use: base\n  - emotion: {}\n", { base: "stages: [detect]\n" });
    expect(planned.steps.map((step) => (step.type === "stage" ? step.id : ""))).toEqual(["1. detect", "2. emotion"]);
  });

  test("in a circle is refused and shows the circle", () => {
    const others = { a: "stages:\n  - use: b\n", b: "stages:\n  - use: p\n" };
    const [problem] = problems("stages:\n  - use: a\n", others);
    expect(problem?.message).toContain("p -> a -> b -> p");
  });

  test("of oneself is refused", () => {
    expect(problems("stages:\n  - use: p\n")[0]?.message).toContain("p -> p");
  });

  test("of a pipeline that is not there is refused with the nearest", () => {
    expect(problems("stages:\n  - use: bas\n", { base: "stages: [detect]\n" })[0]?.nearest).toBe("base");
  });

  test("changes the version when the other pipeline changes", () => {
    const one = plan("stages:\n  - use: base\n", { base: "stages: [detect]\n" }).plan.version;
    const two = plan("stages:\n  - use: base\n", { base: "stages: [detect, landmarks]\n" }).plan.version;
    expect(one).not.toBe(two);
  });
});

describe("pools", () => {
  test("that the settings do not have are refused", () => {
    const [problem] = problems("stages:\n  - detect: {}\n    pool: hevy\n");
    expect(problem).toMatchObject({ path: "stages[0].pool", nearest: "heavy" });
  });

  test("do not give more slots than they have", () => {
    const [problem] = problems("stages:\n  - detect: {}\n    pool: heavy\n    slots: 3\n");
    expect(problem).toMatchObject({ path: "stages[0].slots", found: 3 });
  });

  test("are named with slots, not slots alone", () => {
    expect(problems("stages:\n  - detect: {}\n    slots: 3\n")[0]?.path).toBe("stages[0].slots");
  });
});

describe("when", () => {
  test("with a field that faces do not have is refused", () => {
    const [problem] = problems("stages:\n  - detect: {}\n  - emotion: {}\n    when: face.qualty.overall > 0.5\n");
    expect(problem).toMatchObject({ line: 6, path: "stages[1].when" });
    expect(problem?.message).toContain("qualty");
  });

  test("that is no yes or no is refused", () => {
    expect(problems("stages:\n  - detect: {}\n    when: picture.width + 1\n")[0]?.message).toContain("true or false");
  });

  test("that cannot be read is refused", () => {
    expect(problems("stages:\n  - detect: {}\n    when: 'face.score >'\n")[0]?.path).toBe("stages[0].when");
  });

  test("reads parts that an earlier stage must have written", () => {
    const [problem] = problems("stages:\n  - detect: {}\n  - emotion: {}\n    when: face.quality.overall > 0.5\n");
    expect(problem?.message).toContain("needs face.quality");
  });
});

describe("aggregate", () => {
  test("of a part that no stage writes is refused", () => {
    const [problem] = problems("stages: [detect, liveness]\naggregate: { livenes: mean }\n");
    expect(problem).toMatchObject({ path: "aggregate.livenes", nearest: "liveness" });
  });

  test("of several parts that no stage writes is told of each", () => {
    const found = problems("stages: [detect]\naggregate: { liveness: mean, emotion: majority }\n");
    expect(found.map((problem) => problem.path)).toEqual(["aggregate.liveness", "aggregate.emotion"]);
  });

  test("in a way that does not fit the part is refused with those that do", () => {
    const text = "stages: [detect, landmarks, descriptor]\naggregate: { descriptor: majority }\n";
    expect(problems(text)[0]).toMatchObject({ path: "aggregate.descriptor", found: "majority" });
  });
});

describe("a hostile definition", () => {
  const lists = (entry: string, count: number) =>
    `stages:\n  - detect\n  - parallel:\n      - [${`${entry},`.repeat(count)}${entry}]\n      - pose\n`;

  /** What the error shows of a text that is made to show much. */
  function shownOf(text: string, others?: Record<string, string>): number {
    return JSON.stringify(problems(text, others)).length;
  }

  test("with very many stages is refused at the first that is too many", () => {
    const found = problems(lists("pose", 20_000));
    expect(found.length).toBeLessThan(500);
    expect(found.at(-1)?.message).toContain("200 stages");
  });

  test("that uses another pipeline very often is refused, however small it is written", () => {
    const found = problems(lists("use: base", 15_000).replaceAll("use: base", "{ use: base }"), {
      base: "stages: [{ emotion: {} }]\n",
    });
    expect(found.at(-1)?.message).toContain("200 stages");
  });

  test("whose pipelines use each other twice at each step is refused, not followed to its end", () => {
    const others = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`u${i}`, `stages: [{ use: u${i + 1} }, { use: u${i + 1} }]\n`]),
    );
    expect(problems("stages: [{ use: u0 }]\n", { ...others, u30: "stages: [probe]\n" }).at(-1)?.message).toContain(
      "200 stages",
    );
  });

  test("with very many mistakes shows a hundred of them", () => {
    const keys = Array.from({ length: 15_000 }, (_, i) => `a${i}: x`);
    expect(problems(`stages: [detect]\n${keys.join("\n")}\n`)).toHaveLength(100);
    expect(problems(`stages: [detect]\naggregate: { ${keys.join(", ")} }\n`)).toHaveLength(100);
    expect(problems(`stages:\n  - detect: { ${keys.join(", ")} }\n`)).toHaveLength(100);
  });

  test("with a very long text is told without that text", () => {
    const long = "b".repeat(100_000);
    for (const entry of [
      `when: '${long}'`,
      `pool: '${long}'`,
      `slots: { ${long}: 1 }\n    pool: heavy`,
      `name: ${long}`,
    ]) {
      expect(shownOf(`stages:\n  - detect: {}\n    ${entry}\n`)).toBeLessThan(2000);
    }
    const again = `stages:\n  - detect: {}\n    when: &a '${long}'\n${"  - { detect: {}, when: *a }\n".repeat(90)}`;
    expect(shownOf(again)).toBeLessThan(200_000);
  });

  test("with a condition nested or made very long is refused, not followed", () => {
    for (const when of ["(".repeat(100_000), "!".repeat(100_000), `[${"1,".repeat(100_000)}1].all(x, x > 0)`]) {
      expect(problems(`stages:\n  - detect: {}\n    when: '${when}'\n`)[0]?.path).toBe("stages[0].when");
    }
  });
});
