/** The reference page in a real browser that cannot reach anything but the server. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BROWSER_PATIENCE, type ShownPage, showPage } from "../../support/browser.ts";
import { scriptedEngine } from "./scripted-engine.ts";
import { type Served, serveNative } from "./serve.ts";

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Reference {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

let served: Served;
let document: Reference;

beforeAll(async () => {
  served = await serveNative(scriptedEngine());
  document = (await served.json("/swagger/json")).body as unknown as Reference;
});
afterAll(() => served[Symbol.asyncDispose]());

/** Every operation with its method and path. */
const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );

describe("The OpenAPI document", () => {
  test("has every address of the API and nothing of the page itself", () => {
    expect(
      operations()
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
    ).toEqual([
      "delete /v1/dead-letters",
      "delete /v1/dead-letters/{id}",
      "delete /v1/jobs/{id}",
      "get /health",
      "get /health/live",
      "get /health/ready",
      "get /metrics",
      "get /v1/dead-letters",
      "get /v1/dead-letters/{id}",
      "get /v1/dead-letters/{id}/input",
      "get /v1/events",
      "get /v1/jobs",
      "get /v1/jobs/{id}",
      "get /v1/jobs/{id}/results",
      "get /v1/models",
      "get /v1/pipelines",
      "get /v1/pipelines/{name}",
      "post /v1/dead-letters/{id}/retry",
      "post /v1/jobs",
      "post /v1/pipelines/validate",
      "post /v1/pipelines/{name}/run",
    ]);
  });

  test("gives every JSON answer, failures too, a schema and an example", () => {
    for (const { operation } of operations()) {
      expect(operation.summary).not.toBeEmpty();
      for (const [status, answer] of Object.entries(operation.responses)) {
        const json = (answer as { content?: Record<string, object> }).content?.["application/json"];
        if (!json) continue;
        const found = { schema: "schema" in json, example: "example" in json || "examples" in json };
        expect([operation.operationId, status, found]).toEqual([
          operation.operationId,
          status,
          { schema: true, example: true },
        ]);
      }
    }
  });

  test("tells of a bus and groups that are away, and of each way a video fails, where pipelines run", () => {
    const run = document.paths["/v1/pipelines/{name}/run"]?.post;
    const said = JSON.stringify(run?.responses);
    for (const code of ["bus_unavailable", "group_unavailable", "video_damaged", "video_no_frames", "video_refused"]) {
      expect(said).toContain(code);
    }
  });

  test("refers only to schemas it has, and is OpenAPI 3.0: no literals, tuples or pattern properties of JSON Schema", () => {
    const text = JSON.stringify(document);
    const names = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name as string);
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) expect(document.components.schemas).toHaveProperty(name);
    expect(text).not.toMatch(/"(const|patternProperties|\$id)":/);
  });
});

describe("The page in a browser", () => {
  let shown: ShownPage;

  beforeAll(async () => {
    shown = await showPage(`${served.url}/swagger`);
    await shown.page.waitForSelector(".opblock", { timeout: BROWSER_PATIENCE });
  }, BROWSER_PATIENCE);
  afterAll(() => shown?.[Symbol.asyncDispose](), BROWSER_PATIENCE);

  test("shows every operation", async () => {
    const { page } = shown;
    expect(await page.locator(".opblock").count()).toBe(operations().length);
    expect(await page.locator(".opblock-summary-path").allInnerTexts()).toContain("/v1/pipelines/{name}/run");
  });

  test("asks nobody but the server, and nothing fails", () => {
    const { asked, complaints } = shown;
    const foreign = asked.filter((url) => !url.startsWith(`${served.url}/`) && !/^(data|blob):/.test(url));
    expect(foreign).toEqual([]);
    expect(asked.length).toBeGreaterThan(3);
    expect(complaints).toEqual([]);
  });

  test(
    "can try an operation out: the server's own page is not a foreign one",
    async () => {
      const { page } = shown;
      await page.locator("#operations-Pipelines-validatePipeline .opblock-summary").click();
      await page.locator("#operations-Pipelines-validatePipeline .execute").click();
      const status = page
        .locator("#operations-Pipelines-validatePipeline .live-responses-table .response-col_status")
        .last();
      await status.waitFor({ timeout: BROWSER_PATIENCE });
      expect(await status.textContent()).toStartWith("200");
    },
    BROWSER_PATIENCE,
  );
});
