import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { FacewireError } from "../../src/errors.ts";
import { ModelCard } from "../../src/inference/card.ts";
import { checkValue, nearest, type ParseYamlOptions, type Problem, parseYaml } from "../../src/yaml/checked-yaml.ts";

const strict = { additionalProperties: false } as const;
const Sample = Type.Object(
  {
    name: Type.String({ pattern: "^[a-z]+$", expects: "lower-case letters" }),
    mode: Type.Optional(Type.Union([Type.Literal("soft"), Type.Literal("hard")])),
    share: Type.Number({ minimum: 0, maximum: 1, default: 0.5 }),
    workers: Type.Union([Type.Literal("auto"), Type.Integer({ minimum: 1 })], { default: "auto" }),
    key: Type.Optional(Type.String({ secret: true, minLength: 30 })),
    crop: Type.Optional(
      Type.Union([
        Type.Object({ rule: Type.Literal("square"), scale: Type.Number() }, strict),
        Type.Object({ rule: Type.Literal("align"), template: Type.Array(Type.Number(), { minItems: 2 }) }, strict),
      ]),
    ),
    list: Type.Optional(Type.Array(Type.Object({ size: Type.Integer({ default: 3 }) }, strict))),
  },
  strict,
);

function problemsIn(text: string, schema: ParseYamlOptions<typeof Sample>["schema"] = Sample): readonly Problem[] {
  return caught(text, schema).details?.problems as Problem[];
}

function caught(text: string, schema: ParseYamlOptions<typeof Sample>["schema"] = Sample): FacewireError {
  try {
    parseYaml(text, { file: "sample.yaml", schema, code: "pipeline_invalid" });
  } catch (error) {
    if (error instanceof FacewireError) return error;
    throw error;
  }
  throw new Error("the text was accepted");
}

describe("a valid file", () => {
  test("is answered with defaults filled in, also inside lists", () => {
    const yaml = parseYaml("name: abc\nlist:\n  - {}\n", { file: "f", schema: Sample, code: "config_invalid" });
    expect(yaml.value).toEqual({ name: "abc", share: 0.5, workers: "auto", list: [{ size: 3 }] });
  });

  test("locates keys and list items, and the nearest parent of what is not there", () => {
    const text = "name: abc\nlist:\n  - size: 1\n  - size: 2\n";
    const yaml = parseYaml(text, { file: "f", schema: Sample, code: "config_invalid" });
    expect(yaml.locate(["list", 1])).toEqual({ line: 4, column: 5 });
    expect(yaml.locate(["list", 1, "size"])).toEqual({ line: 4, column: 5 });
    expect(yaml.locate(["list", 0, "nothing"])).toEqual({ line: 3, column: 5 });
    expect(yaml.problem(["list"], "is odd")).toMatchObject({ file: "f", line: 2, column: 1, path: "list" });
  });
});

describe("problems", () => {
  test("are told all at once, in the order of the file, as readable lines", () => {
    const error = caught("name: ABC\nshar: 1\nworkers: 0\nlist: [{size: x}]\n");
    expect(error.code).toBe("pipeline_invalid");
    expect(error.message.split("\n")).toEqual([
      'sample.yaml:1:1 name: expected lower-case letters, found "ABC"',
      'sample.yaml:2:1 shar: unknown key "shar" (allowed: name, mode, share, workers, key, crop, list; did you mean "share"?)',
      "sample.yaml:3:1 workers: expected an integer from 1, found 0",
      'sample.yaml:4:9 list[0].size: expected an integer, found "x"',
    ]);
  });

  test("name the words that are allowed and the nearest one", () => {
    const [problem] = problemsIn("name: abc\nmode: sofd\n");
    expect(problem).toMatchObject({ path: "mode", found: "sofd", allowed: ["soft", "hard"], nearest: "soft" });
  });

  test("of a union are those of the branch its literal names", () => {
    const [problem, ...others] = problemsIn("name: abc\ncrop: {rule: align, template: [1]}\n");
    expect(others).toEqual([]);
    expect(problem).toMatchObject({
      path: "crop.template",
      message: "expected a list of at least 2 items, found a list of 1 item",
    });
  });

  test("of a union with an unknown literal list all branches", () => {
    const [problem, ...others] = problemsIn("name: abc\ncrop: {rule: squar, scale: 1}\n");
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ path: "crop.rule", allowed: ["square", "align"], nearest: "square" });
  });

  test("of a union without its literal say that it is required", () => {
    expect(problemsIn("name: abc\ncrop: {scale: 1}\n")).toMatchObject([
      { path: "crop.rule", message: "is required", allowed: ["square", "align"] },
    ]);
  });

  test.each([
    ["[1]", "a list of 1 item"],
    ["aut", '"aut"'],
  ])("of a union of plain values say what all branches take (%s)", (value, found) => {
    expect(problemsIn(`name: abc\nworkers: ${value}\n`)[0]?.message).toBe(
      `expected "auto", or an integer from 1, found ${found}`,
    );
  });

  test("never show what stands at a secret key", () => {
    const error = caught("name: abc\nkey: hunter2\n");
    expect(JSON.stringify(error.toPublic())).not.toContain("hunter2");
  });

  test("of an empty file name the keys it needs, once each", () => {
    expect(problemsIn("")).toMatchObject([{ path: "name", message: "is required: lower-case letters", line: 1 }]);
  });

  test("of a model card point at the branch of its crop and decode rules", () => {
    const card =
      "crop: {rule: letterbox, pad: 300}\noutputs: {live: {decode: softmax, tensor: t, labels: [a], aplied: true}}\n";
    const paths = problemsIn(card, ModelCard as unknown as typeof Sample).map((problem) => problem.path);
    expect(paths).toContain("crop.pad");
    expect(paths).toContain("outputs.live.labels");
    expect(paths).toContain("outputs.live.aplied");
    expect(paths.filter((path) => path.startsWith("outputs"))).toHaveLength(2);
  });
});

describe("hostile or broken text", () => {
  test("a repeated key is told, together with the other mistakes", () => {
    const problems = problemsIn("name: abc\nname: abd\nshare: 2\n");
    expect(problems).toMatchObject([{ line: 2 }, { path: "share" }]);
    expect(problems[0]?.message).toContain("unique");
  });

  test("a syntax error is told with its line", () => {
    expect(problemsIn("name: abc\nlist: [1, 2\n")[0]).toMatchObject({ file: "sample.yaml", line: 3 });
  });

  test("an alias bomb is refused without being expanded", () => {
    let text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (let i = 1; i < 9; i++)
      text += `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(",")}]\n`;
    expect(problemsIn(text)[0]?.message).toContain("aliases");
  });

  test("very many aliases or keys are looked at once each, not each against all others", () => {
    const aliases = Array.from({ length: 15_000 }, (_, i) => `b${i}: *a`).join("\n");
    expect(problemsIn(`a: &a [1]\n${aliases}`)[0]?.message).toContain("aliases");
    const keys = Array.from({ length: 15_000 }, (_, i) => `b${i}: 1`).join("\n");
    expect(problemsIn(keys)).toHaveLength(100);
  });

  test("an alias inside its own anchor is refused", () => {
    expect(problemsIn("name: abc\nlist: &l [*l]\n")[0]).toMatchObject({ line: 2 });
  });

  test.each([
    ["flow lists", "[".repeat(200)],
    ["closed flow lists", "[".repeat(200) + "]".repeat(200)],
    ["block lists", `${"- ".repeat(200)}x`],
    ["very deep flow lists", "[".repeat(200_000)],
    ["very deep block lists", `${"- ".repeat(100_000)}x`],
  ])("%s nested too deep are refused", (_name, text) => {
    expect(problemsIn(text).length).toBeGreaterThan(0);
    expect(problemsIn(text).length).toBeLessThanOrEqual(20);
  });

  test("a text over the size limit is refused", () => {
    expect(problemsIn(`name: ${"a".repeat(300_000)}`)[0]?.message).toContain("larger than");
  });

  test("a key that is a list is refused", () => {
    expect(problemsIn("? [a, b]\n: 1\n")[0]?.message).toContain("a key must be a word");
  });

  test("an unknown tag is told", () => {
    expect(problemsIn("name: !secret abc\n")[0]?.message).toContain("!secret");
  });

  test("a __proto__ key is refused and changes no prototype", () => {
    expect(problemsIn("name: abc\n__proto__: {share: 1}\n")[0]?.message).toContain("__proto__");
    expect(({} as Record<string, unknown>).share).toBeUndefined();
  });
});

describe("checkValue", () => {
  test("places problems below the given path and leaves the given value as it was", () => {
    const yaml = parseYaml("name: abc\nlist:\n  - size: 1\n", { file: "f", schema: Sample, code: "pipeline_invalid" });
    const given = { siz: 1 };
    const schema = Type.Object({ size: Type.Integer({ default: 1 }) }, strict);
    const { problems } = checkValue(schema, given, { yaml, path: ["list", 0] });
    expect(problems).toMatchObject([{ file: "f", line: 3, column: 5, path: "list[0].siz", nearest: "size" }]);
    expect(given).toEqual({ siz: 1 });
    expect(checkValue(schema, undefined, { yaml, path: [] })).toEqual({ value: { size: 1 }, problems: [] });
  });
});

describe("nearest", () => {
  test.each([
    ["min_fase", "min_face"],
    ["livenes", "liveness"],
    ["DETECT", "detect"],
    ["facelive", "face-live"],
  ])("%s is taken for %s", (word, meant) => {
    expect(nearest(word, ["min_face", "liveness", "detect", "face-live"])).toBe(meant);
  });

  test.each(["zebra", "x", ""])("%p is like nothing known", (word) => {
    expect(nearest(word, ["min_face", "detect", "y"])).toBeUndefined();
  });

  test("a very long word is not compared", () => {
    expect(nearest("a".repeat(10_000), ["a".repeat(9_999)])).toBeUndefined();
  });
});
