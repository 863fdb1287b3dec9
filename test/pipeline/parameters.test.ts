/** Parameters of pipelines: how they are declared, what conditions may read, what requests may choose. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { FacewireError } from "../../src/errors.ts";
import { ModelCatalog } from "../../src/inference/catalog.ts";
import { planPipeline } from "../../src/pipeline/planner.ts";
import { StageRegistry } from "../../src/stages/registry.ts";
import type { Problem } from "../../src/yaml/problem.ts";
import { PROJECT_ROOT } from "../support/cli.ts";
import { samplePicture, type TestEngine, testEngine } from "../support/engine.ts";
import { thrownBy } from "../support/thrown.ts";

const PARAMETERS = `parameters:
  emotions: { type: boolean, default: false, description: Names the emotion. }
  least: { type: number, default: 0, minimum: 0, maximum: 1 }
  side: { type: string, default: any, one_of: [any, left, right] }
`;
const models = await ModelCatalog.load(join(PROJECT_ROOT, "models"));

function plan(text: string, others: Readonly<Record<string, string>> = {}) {
  return planPipeline(`name: p\ndescription: For a test.\n${text}`, "p.yaml", {
    stages: new StageRegistry(),
    models,
    pools: {},
    source: (name) => {
      const found = others[name];
      return found === undefined
        ? undefined
        : { text: `name: ${name}\ndescription: Another.\n${found}`, file: `${name}.yaml` };
    },
    names: () => ["p", ...Object.keys(others)],
  }).plan;
}

function problems(text: string, others?: Readonly<Record<string, string>>): readonly Problem[] {
  try {
    plan(text, others);
  } catch (thrown) {
    return (thrown as FacewireError).details?.problems as readonly Problem[];
  }
  throw new Error("The pipeline was taken, but it is not valid.");
}

const when = (expression: string, parameters = PARAMETERS) =>
  `${parameters}stages:\n  - detect: {}\n  - emotion: {}\n    when: ${expression}\n`;

describe("a pipeline file", () => {
  test("declares parameters of three types, which its plan holds with their defaults", () => {
    const { parameters } = plan(when("request.emotions && face.score > request.least && request.side != 'left'"));
    expect(parameters).toMatchObject({
      emotions: { type: "boolean", default: false },
      least: { type: "number", default: 0, minimum: 0, maximum: 1 },
      side: { type: "string", default: "any", one_of: ["any", "left", "right"] },
    });
    expect(plan("stages: [detect]\n").parameters).toEqual({});
  });

  test.each([
    ["request.emotion", "emotion", "emotions"],
    ["request.leest > 0.5", "leest", "least"],
    ["faces > 1 && !request.emotionss", "emotionss", "emotions"],
  ])("whose condition reads %s is refused with the line and the nearest parameter", (expression, found, nearest) => {
    const all = problems(when(expression));
    expect(all).toHaveLength(1);
    expect(all[0]).toMatchObject({ line: 10, found, nearest, allowed: ["emotions", "least", "side"] });
    expect(all[0]?.message).toContain(`request.${found}`);
  });

  test("that declares nothing is told so where a condition reads a parameter", () => {
    const [problem] = problems(when("request.emotions", ""));
    expect(problem?.message).toBe("reads request.emotions, which `parameters` does not declare");
  });

  test.each(["request.least", "request.side > 1.0", "request.emotions > 0.5", "request.least == 'x'"])(
    "whose condition takes a parameter for another type is refused: %s",
    (expression) => {
      expect(problems(when(expression))).toHaveLength(1);
    },
  );

  test.each([
    ["a: { type: boolean, default: 1 }", "parameters.a"],
    ["a: { type: number, default: 3, maximum: 2 }", "parameters.a.default"],
    ["a: { type: string, default: x, one_of: [y] }", "parameters.a.default"],
    ["a: { type: string, default: x }", "parameters.a"],
    ["a: { type: boolean }", "parameters.a"],
    ["a: { type: date, default: 1 }", "parameters.a"],
    ["Angle: { type: boolean, default: true }", "parameters"],
    ["a: { type: boolean, default: true, defualt: false }", "parameters.a"],
  ])("that declares {%s} is refused at its place", (declaration, path) => {
    const [problem] = problems(`parameters:\n  ${declaration}\nstages: [detect]\n`);
    expect(problem?.path).toStartWith(path);
    expect(problem?.line).toBeGreaterThanOrEqual(3);
  });

  test("declares at most 50 parameters", () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, at) => `  p${at}: { type: boolean, default: false }\n`).join("");
    expect(Object.keys(plan(`parameters:\n${many(50)}stages: [detect]\n`).parameters)).toHaveLength(50);
    expect(problems(`parameters:\n${many(51)}stages: [detect]\n`)[0]?.path).toBe("parameters");
  });

  test("that uses another one must declare that one's parameters too, with the same types", () => {
    const inner = {
      inner: `parameters: { x: { type: number, default: 1 } }\nstages:\n  - detect: {}\n    when: request.x > 0.5\n`,
    };
    const outer = (declaration: string) => `${declaration}stages:\n  - use: inner\n`;
    expect(problems(outer(""), inner)).toEqual([
      expect.objectContaining({
        file: "p.yaml",
        path: "stages[0].use",
        message: expect.stringContaining("parameter x"),
      }),
    ]);
    expect(problems(outer("parameters: { x: { type: boolean, default: true } }\n"), inner)[0]).toMatchObject({
      message: expect.stringContaining("of type number, which is declared as boolean here"),
    });
    expect(plan(outer("parameters: { x: { type: number, default: 0 } }\n"), inner).parameters).toMatchObject({
      x: { default: 0 },
    });
  });
});

describe("a run", () => {
  let engine: TestEngine;
  let files: { name: string; bytes: Uint8Array }[];

  beforeAll(async () => {
    files = [{ name: "group.jpg", bytes: await samplePicture("sample1.jpg") }];
    engine = await testEngine({
      chosen: when("request.emotions && face.score >= request.least"),
      sides: `${PARAMETERS}stages:
  - detect: {}
  - reject: { reason: side, message: On the other side. }
    when: >-
      request.side != "any" && (face.box.x > double(picture.width) / 2.0) == (request.side == "left")
`,
      turned: `parameters: { yaw: { type: number, default: 180, minimum: 0, maximum: 180 } }
stages:
  - detect: {}
  - landmarks: {}
  - pose: {}
    when: request.yaw < 180.0
  - reject: { reason: yaw }
    when: request.yaw < 180.0 && (face.pose.yaw > request.yaw || face.pose.yaw < -request.yaw)
  - reject: { reason: unknown }
    when: face.pose.yaw < 1000.0 && request.yaw > 179.0
`,
    });
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  const run = async (pipeline: string, parameters?: Record<string, boolean | number | string>) => {
    const { items } = await engine.run(pipeline, { files, ...(parameters && { parameters }) });
    return items[0]!;
  };

  test("without parameters has the defaults, and each that is named has its value", async () => {
    expect((await run("chosen")).faces.map((face) => face.emotion)).toEqual([undefined, undefined, undefined]);
    expect((await run("chosen", { emotions: true })).faces.every((face) => face.emotion)).toBe(true);
    const some = await run("chosen", { emotions: true, least: 0.995 });
    expect(some.faces.map((face) => face.emotion !== undefined)).toEqual(some.faces.map((face) => face.score >= 0.995));
    expect(new Set(some.faces.map((face) => face.emotion !== undefined)).size).toBe(2);
  });

  test("rejects what a condition over words names, and keeps it in the answer with the reason", async () => {
    const [all, left, right] = [
      await run("sides"),
      await run("sides", { side: "left" }),
      await run("sides", { side: "right" }),
    ];
    expect(all.faces.some((face) => face.rejected)).toBe(false);
    expect(left.faces).toHaveLength(all.faces.length);
    const onLeft = left.faces.filter((face) => !face.rejected);
    const onRight = right.faces.filter((face) => !face.rejected);
    expect(onLeft.every(({ box }) => box.x <= left.picture!.width / 2)).toBe(true);
    expect(onLeft.length + onRight.length).toBe(all.faces.length);
    expect(onLeft.length).toBeGreaterThan(0);
    expect(right.faces.find((face) => face.rejected)?.rejected).toEqual({
      stage: "reject",
      reason: "side",
      message: "On the other side.",
    });
  });

  test("a condition is not true of faces that lack a part which it reads", async () => {
    const unturned = await run("turned");
    expect(unturned.status).toBe("ok");
    expect(unturned.faces.map((face) => [face.pose, face.rejected])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
      [undefined, undefined],
    ]);
    const strict = await run("turned", { yaw: 15 });
    expect(strict.faces.map((face) => face.rejected?.reason)).toEqual(
      strict.faces.map((face) => (Math.abs(face.pose!.yaw) > 15 ? "yaw" : undefined)),
    );
  });

  test.each([
    [{ emotion: true }, { parameter: "emotion", nearest: "emotions", allowed: ["emotions", "least", "side"] }],
    [{ emotions: "true" }, { parameter: "emotions", found: "true", allowed: "true or false" }],
    [{ emotions: 1 }, { parameter: "emotions", allowed: "true or false" }],
    [{ least: 1.5 }, { parameter: "least", found: 1.5, allowed: "a number from 0 to 1" }],
    [{ least: Number.NaN }, { parameter: "least" }],
    [{ side: "up" }, { parameter: "side", found: "up", allowed: "one of any, left, right" }],
    [{ constructor: true }, { parameter: "constructor" }],
    [JSON.parse('{"__proto__":true}'), { parameter: "__proto__" }],
  ])("with %j is refused before anything runs, and says what would be right", async (parameters, details) => {
    const before = engine.reports.length;
    const error = await thrownBy(engine.run("chosen", { files, parameters }));
    expect(error).toBeInstanceOf(FacewireError);
    expect(error).toMatchObject({ code: "request_invalid", details });
    expect((await thrownBy(() => engine.engine.admit("chosen", parameters))) as FacewireError).toMatchObject({
      details,
    });
    expect(engine.reports).toHaveLength(before);
  });
});
