/** `POST /v1/pipelines/validate`: definitions that would not work, each with what is wrong, where, and what was meant. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TestServer, testServer } from "../support/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ pipelines: { upper: "stages:\n  - use: lower\n" } });
});
afterAll(() => server[Symbol.asyncDispose]());

const validate = (source: string) =>
  server.client.json<{ error?: { code: string; details?: { problems?: unknown[] } } }>("/v1/pipelines/validate", {
    method: "POST",
    body: source,
  });
const definition = (rest: string) => `name: lower\ndescription: For a test.\n${rest}`;

describe("A definition is refused with 422, its line and what was meant:", () => {
  for (const [mistake, source, problem] of [
    ["a cycle through a pipeline of the folder", "stages:\n  - use: upper\n", { line: 2 }],
    ["a missing model", "stages:\n  - detect: { model: detector-defalt }\n", { line: 4, nearest: "detector-default" }],
    ["a misspelt stage", "stages:\n  - detekt: {}\n", { line: 4, nearest: "detect" }],
    ["a misspelt option", "stages:\n  - detect:\n      min_fase: 40px\n", { line: 5, nearest: "min_face" }],
    ["a misspelt key", "stages: [detect]\nlimts: { deadline: 5s }\n", { line: 4, nearest: "limits" }],
    ["a part nobody writes", "stages: [liveness]\n", { line: 3 }],
    ["a pool there is none of", "stages:\n  - detect: {}\n    pool: defalt\n", { line: 5, nearest: "default" }],
    ["text that is no YAML", "stages: [detect\n", {}],
  ] as const) {
    test(mistake, async () => {
      const { status, body } = await validate(definition(source));
      expect([status, body.error?.code]).toEqual([422, "pipeline_invalid"]);
      expect(body.error?.details?.problems).toContainEqual(expect.objectContaining(problem));
    });
  }

  test("several mistakes, all at once", async () => {
    const { body } = await validate(definition("stages:\n  - detekt: {}\n  - landmark: {}\n"));
    expect(body.error?.details?.problems).toMatchObject([{ line: 4 }, { line: 5 }]);
  });
});

test("what is validated is not taken up, and neither is the pipeline of a cycle", async () => {
  expect((await validate(definition("stages: [detect]\n"))).status).toBe(200);
  const states = Object.fromEntries((await server.client.pipelines()).map(({ name, status }) => [name, status]));
  expect(states).toEqual({ "face-liveness": "ok", upper: "unavailable" });
});
