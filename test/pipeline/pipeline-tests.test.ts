/** The runner of the tests that users write for their pipelines. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findPipelineTests, runPipelineTests } from "../../src/pipeline/pipeline-tests.ts";
import { PLAIN_PICTURE, samplePicture, type TestEngine, testEngine } from "../support/engine.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await testEngine(
    { faces: "stages: [detect, landmarks, quality, liveness]\naggregate: { liveness: mean }\n" },
    { watch: false },
  );
  await writeFile(join(engine.pipelinesDir, "people.jpg"), await samplePicture("sample1.jpg"));
  await writeFile(join(engine.pipelinesDir, "plain.pgm"), PLAIN_PICTURE);
});
afterAll(() => engine[Symbol.asyncDispose]());

async function run(text: string, file = "faces.test.yaml") {
  const path = join(engine.pipelinesDir, file);
  await writeFile(path, text);
  return runPipelineTests(engine.engine, path);
}

function tests(pictures: string[], expectations: string[], more = ""): string {
  return `${more}tests:\n  - name: A test.\n    pictures: ${JSON.stringify(pictures)}\n    expect:\n${expectations
    .map((each) => `      - ${JSON.stringify(each)}\n`)
    .join("")}`;
}

describe("a test of a pipeline", () => {
  test("passes when every fact is so", async () => {
    const facts = [
      'item.status == "ok"',
      "size(item.faces) == 3",
      "size(items) == 2",
      'items[1].status == "no_face"',
      "items[1].index == 1",
      "face.quality.overall > 0.1",
      "aggregate.liveness.probability >= 0.0",
    ];
    expect(await run(tests(["people.jpg", "plain.pgm"], facts))).toEqual([
      { file: "faces.test.yaml", pipeline: "faces", name: "A test.", passed: true, failures: [] },
    ]);
  });

  test("fails and says each fact that is not so, with what there was", async () => {
    const [result] = await run(tests(["plain.pgm"], ['item.status == "ok"', "size(items) == 1", "size(items) == 2"]));
    expect(result?.passed).toBe(false);
    expect(result?.failures).toHaveLength(2);
    expect(result?.failures[0]).toContain('item.status == "ok"');
    expect(result?.failures[0]).toContain("no_face");
  });

  test("fails when a fact speaks of what is not there", async () => {
    const [result] = await run(tests(["plain.pgm"], ["aggregate.liveness.probability > 0.5"]));
    expect(result).toMatchObject({ passed: false, failures: [expect.stringContaining("aggregate.liveness")] });
  });

  test("fails when a picture is missing, and names it without its folder", async () => {
    const [result] = await run(tests(["gone.jpg"], ["true"]));
    expect(result?.passed).toBe(false);
    expect(result?.failures[0]).toContain("gone.jpg");
    expect(result?.failures[0]).not.toContain(engine.pipelinesDir);
  });

  test("fails when there is no such pipeline", async () => {
    const [result] = await run(tests(["plain.pgm"], ["true"], "pipeline: facs\n"));
    expect(result?.failures[0]).toContain("pipeline_unknown");
  });

  test("with an expression that cannot be read is refused with its line", async () => {
    const refused = run(tests(["plain.pgm"], ["true", "item.status =="]), "bad.test.yaml");
    expect(refused).rejects.toMatchObject({
      code: "pipeline_invalid",
      message: expect.stringContaining("bad.test.yaml:6"),
    });
  });

  test("with an expression that is no yes or no is refused", async () => {
    expect(run(tests(["plain.pgm"], ["size(items)"]))).rejects.toThrow("must be true or false");
  });

  test("with a misspelt key is refused with the nearest", async () => {
    const text = tests(["plain.pgm"], ["true"]).replace("pictures", "picture");
    expect(run(text)).rejects.toThrow('did you mean "pictures"');
  });
});

test("the tests of a folder are found in order, and pipelines are not taken for tests", async () => {
  await writeFile(join(engine.pipelinesDir, "zebra.test.yml"), "tests: []\n");
  const found = await findPipelineTests(engine.pipelinesDir);
  expect(found.map((path) => path.slice(engine.pipelinesDir.length + 1))).toEqual(
    expect.arrayContaining(["faces.test.yaml", "zebra.test.yml"]),
  );
  expect(found.some((path) => path.endsWith("faces.yaml"))).toBe(false);
  expect(found).toEqual(found.toSorted());
});
