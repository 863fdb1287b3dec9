/**
 * Unit tests that users write for their pipelines: `face-liveness.test.yaml` beside `face-liveness.yaml` gives pictures and
 * the facts expected of them. Facts are CEL expressions over the answer, so they read like the pipelines' own conditions.
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { Environment } from "@marcbachmann/cel-js";
import { type Static, Type } from "@sinclair/typebox";
import { FacewireError } from "../errors.ts";
import { type CheckedYaml, invalid, parseYaml } from "../yaml/checked-yaml.ts";
import type { Problem } from "../yaml/problem.ts";
import type { Engine, ItemResult, RunResult } from "./results.ts";

const strict = { additionalProperties: false } as const;

/** The form of a test file. */
export const PipelineTestFile = Type.Object(
  {
    pipeline: Type.Optional(Type.String({ description: "Name of the pipeline; the file's own name when absent." })),
    tests: Type.Array(
      Type.Object(
        {
          name: Type.String({ minLength: 1, description: "The promise that the test protects." }),
          pictures: Type.Array(Type.String({ minLength: 1 }), {
            minItems: 1,
            maxItems: 100,
            description: "Files of one request, relative to the test file.",
          }),
          parameters: Type.Optional(
            Type.Record(Type.String(), Type.Union([Type.Boolean(), Type.Number(), Type.String()]), {
              description: "Values of parameters that the pipeline declares; the others have their defaults.",
            }),
          ),
          expect: Type.Array(Type.String({ minLength: 1 }), {
            minItems: 1,
            maxItems: 100,
            description:
              "CEL expressions that must be true. `items` is the list of answers, `item` and `face` the first item and its first face, `aggregate` the aggregate's values by key.",
          }),
        },
        strict,
      ),
      { minItems: 1, maxItems: 1000 },
    ),
  },
  strict,
);

const environment = new Environment({
  limits: { maxAstNodes: 200, maxDepth: 30, maxListElements: 100, maxMapEntries: 20, maxCallArguments: 8 },
})
  .registerVariable("items", "list<map>")
  .registerVariable("item", "map")
  .registerVariable("face", "map")
  .registerVariable("aggregate", "map");

/** One test's outcome. */
export interface PipelineTestResult {
  /** The test file's name. */
  readonly file: string;
  readonly pipeline: string;
  readonly name: string;
  readonly passed: boolean;
  /** What was not as expected, a line each. */
  readonly failures: readonly string[];
}

/** The test files of a pipelines folder, sorted. */
export async function findPipelineTests(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  return names
    .filter((name) => /\.test\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(directory, name));
}

/**
 * Runs the tests of one file. Rejects with `pipeline_invalid` when the file is not valid; a test whose picture is missing
 * or whose pipeline cannot run fails.
 */
export async function runPipelineTests(engine: Engine, path: string): Promise<PipelineTestResult[]> {
  const file = basename(path);
  const parsed = parseYaml(await readFile(path, "utf8"), { file, schema: PipelineTestFile, code: "pipeline_invalid" });
  checkExpectations(parsed);
  const pipeline = parsed.value.pipeline ?? file.replace(/\.test\.ya?ml$/, "");
  const results: PipelineTestResult[] = [];
  for (const test of parsed.value.tests) {
    const failures = await runTest(engine, pipeline, dirname(path), test);
    results.push({ file, pipeline, name: test.name, passed: failures.length === 0, failures });
  }
  return results;
}

function checkExpectations(parsed: CheckedYaml<{ tests: { expect: string[] }[] }>): void {
  const problems: Problem[] = [];
  for (const [index, test] of parsed.value.tests.entries()) {
    for (const [line, expression] of test.expect.entries()) {
      const check = environment.check(expression);
      if (check.valid && (check.type === "bool" || check.type === "dyn")) continue;
      const message = check.valid
        ? `must be true or false, not of type ${check.type}`
        : `is not valid: ${check.error?.message.split("\n")[0]}`;
      problems.push(parsed.problem(["tests", index, "expect", line], message, { found: expression }));
    }
  }
  if (problems.length > 0) throw invalid("pipeline_invalid", problems);
}

async function runTest(
  engine: Engine,
  pipeline: string,
  folder: string,
  { pictures, parameters = {}, expect }: Static<typeof PipelineTestFile>["tests"][number],
): Promise<string[]> {
  try {
    const files = await Promise.all(
      pictures.map(async (name) => ({ name, bytes: await readPicture(isAbsolute(name) ? name : join(folder, name)) })),
    );
    const result = await engine.run({ id: `test-${pipeline}`, pipeline, files, parameters });
    return expect.flatMap((expression) => mismatch(expression, result));
  } catch (thrown) {
    const error = FacewireError.from(thrown);
    return [`${error.code}: ${error.message}`];
  }
}

async function readPicture(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new FacewireError("usage", `The picture ${basename(path)} cannot be read.`, { cause });
  }
}

function mismatch(expression: string, result: RunResult): string[] {
  const item: Partial<ItemResult> = result.items[0] ?? {};
  const aggregate = Object.fromEntries(
    Object.entries(result.aggregate).map(([key, value]) => [key, value === null ? null : value.value]),
  );
  try {
    const facts = { items: result.items, item, face: item.faces?.[0] ?? {}, aggregate };
    if (environment.evaluate(expression, facts) === true) return [];
    return [`not so: ${expression} (the first item: ${describe(item)})`];
  } catch (thrown) {
    return [`${expression}: ${(thrown as Error).message.split("\n")[0]} (the first item: ${describe(item)})`];
  }
}

/** The answer in a line, without long values. */
function describe(item: Partial<ItemResult>): string {
  const { status, error, faces } = item;
  return JSON.stringify({ status, error, faces }, (key, value) =>
    key === "points" || key === "data" || key === "crops" ? "…" : value,
  ).slice(0, 600);
}
