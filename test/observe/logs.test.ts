import { describe, expect, test } from "bun:test";
import { openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FacewireError } from "../../src/errors.ts";
import { engineLog, httpLog } from "../../src/observe/log-watchers.ts";
import { createLogger, createLogs, type Logger, type LogLevel } from "../../src/observe/logs.ts";
import { itemReport } from "./reports.ts";

const TOKEN = `fw_${"Ab3-_".repeat(8)}xyz`;

/** A logger and the lines it wrote. */
function logging(level: LogLevel = "trace"): {
  logger: Logger;
  lines: () => Record<string, unknown>[];
  text: () => string;
} {
  const written: string[] = [];
  const logger = createLogger(level, { write: (line) => written.push(line) });
  return { logger, text: () => written.join(""), lines: () => written.map((line) => JSON.parse(line)) };
}

describe("a log", () => {
  test("is one JSON object a line with time, level, message and fields", () => {
    const { logger, lines } = logging();
    logger.child({ request: "r1" }).info("hello\nworld", { count: 2 });
    expect(lines()).toEqual([
      { level: "info", time: expect.stringMatching(/^\d{4}-.*Z$/), message: "hello\nworld", request: "r1", count: 2 },
    ]);
  });

  test("has nothing below its level", () => {
    const { logger, lines } = logging("warn");
    logger.info("no");
    logger.warn("yes");
    expect(lines().map(({ message }) => message)).toEqual(["yes"]);
  });

  test("tells the code, the stack and the causes of an error", () => {
    const { logger, lines } = logging();
    const cause = new Error("disk gone");
    logger.error("failed", { error: new FacewireError("store_unavailable", "No store.", { cause }) });
    const [line] = lines();
    expect(line?.error).toMatchObject({ code: "store_unavailable", message: "No store." });
    expect(JSON.stringify(line)).toContain("disk gone");
    expect(JSON.stringify(line)).toContain("logs.test.ts");
  });

  test("survives fields that cannot be JSON", () => {
    const { logger, lines } = logging();
    const circle: Record<string, unknown> = { big: 1n };
    circle.self = circle;
    logger.info("odd", { circle });
    expect(lines()).toHaveLength(1);
  });

  test("is whole and in order when it was closed", async () => {
    const dir = await mkdtemp(join(tmpdir(), "logs-"));
    const { logger, close } = createLogs({ level: "info", fd: openSync(join(dir, "log"), "a") });
    for (let i = 0; i < 5_000; i++) logger.info("line", { i });
    await close();
    logger.info("too late");
    const lines = (await readFile(join(dir, "log"), "utf8")).trimEnd().split("\n");
    expect(lines.findIndex((line, i) => JSON.parse(line).i !== i)).toBe(-1);
    expect(lines).toHaveLength(5_000);
    await rm(dir, { recursive: true });
  });

  test("that nobody reads does not hold up the process, nor its end for long", async () => {
    const code = `import { createLogs } from "${import.meta.dir}/../../src/observe/logs.ts";
      const { logger, close } = createLogs({ level: "info" });
      for (let i = 0; i < 20000; i++) logger.info("x".repeat(1000));
      console.log("went on");
      await close();
      console.log("ended");
      process.exit(0);`;
    const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "pipe" });
    expect(await new Response(child.stdout).text()).toBe("went on\nended\n");
    child.kill("SIGKILL");
  });

  test("whose reader has gone does not end the process", async () => {
    const code = `import { createLogs } from "${import.meta.dir}/../../src/observe/logs.ts";
      const { logger, close } = createLogs({ level: "info" });
      for await (const _ of Bun.stdin.stream()) {}
      logger.info("nobody is there");
      await close();
      console.log("ended");`;
    const child = Bun.spawn([process.execPath, "-e", code], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
    await child.stderr.cancel();
    child.stdin.end();
    expect(await new Response(child.stdout).text()).toBe("ended\n");
  });
});

describe("no secret is written:", () => {
  const secrets = ["key-1234567890", TOKEN, "dXNlcjpwYXNz"];
  test.each([
    ["in headers", { headers: { authorization: "key-1234567890", "x-api-key": "key-1234567890" } }],
    ["at the top", { authorization: "key-1234567890", password: "key-1234567890", "set-cookie": "key-1234567890" }],
    ["deeper", { request: { headers: { "proxy-authorization": "key-1234567890", cookie: "key-1234567890" } } }],
    ["as a token in any text", { path: `/v1?t=${TOKEN}`, list: [`x ${TOKEN} y`] }],
    ["as a header in any text", { text: 'authorization: "Bearer key-1234567890", Basic dXNlcjpwYXNz' }],
    ["in an error", { error: new Error(`failed with Bearer ${TOKEN}`, { cause: new Error(`sent ${TOKEN}`) }) }],
  ])("%s", (_place, fields) => {
    const { logger, text, lines } = logging();
    logger.info(`message with ${TOKEN}`, fields);
    logger.child(fields).info("child");
    expect(lines()).toHaveLength(2);
    for (const secret of secrets) expect(text()).not.toContain(secret);
  });
});

describe("what happens is logged:", () => {
  const exchange = {
    id: "r1",
    method: "POST",
    path: "/v1/pipelines/a/run",
    route: "/v1/pipelines/:name/run",
    pipeline: "a",
  };

  test("each HTTP request once, with its id", () => {
    const { logger, lines } = logging("info");
    const watcher = httpLog(logger);
    watcher.started();
    watcher.finished({ ...exchange, token: "camera" }, 200, 12.345, "127.0.0.1");
    expect(lines()).toMatchObject([{ level: "info", request: "r1", status: 200, ms: 12.3, caller: "camera" }]);
  });

  test("a failure of the server with its cause, one of the caller only with its code", () => {
    const { logger, lines } = logging("info");
    const failure = new FacewireError("internal", "An unexpected failure.", { cause: new TypeError("x is undefined") });
    httpLog(logger).finished({ ...exchange, error: failure }, 500, 1, undefined);
    const refusal = new FacewireError("picture_empty", "Empty.");
    httpLog(logger).finished({ ...exchange, error: refusal }, 400, 1, undefined);
    expect(lines()).toMatchObject([{ level: "error" }, { level: "info", code: "picture_empty" }]);
    expect(JSON.stringify(lines()[0])).toContain("x is undefined");
    expect(lines()[1]).not.toHaveProperty("error");
  });

  test("a request refused for load as a warning with its code, without a stack", () => {
    const { logger, lines } = logging("info");
    const refusal = new FacewireError("overloaded", "Too much work is waiting.");
    httpLog(logger).finished({ ...exchange, error: refusal }, 503, 1, undefined);
    expect(lines()).toMatchObject([{ level: "warn", status: 503, code: "overloaded" }]);
    expect(lines()[0]).not.toHaveProperty("error");
  });

  test("a failed picture with the worker's own words, a refused one without alarm", () => {
    const { logger, lines } = logging("info");
    const watcher = engineLog(logger);
    watcher.item?.(itemReport({ status: "failed", code: "stage_failed", internal: "Error: at liveness.ts" }));
    watcher.item?.(itemReport({ status: "failed", code: "picture_damaged" }));
    watcher.item?.(itemReport());
    expect(lines()).toMatchObject([
      { level: "error", requestId: "r1", internal: "Error: at liveness.ts" },
      { level: "info", code: "picture_damaged" },
    ]);
  });

  test("a lost worker and a pipeline that could not be taken up", () => {
    const { logger, lines } = logging("info");
    engineLog(logger).workerLost?.(1, "exited");
    engineLog(logger).pipelineChanged?.("a", "v1", { code: "pipeline_invalid", message: "no" });
    engineLog(logger).pipelineChanged?.("a", "v2", undefined);
    expect(lines().map(({ level }) => level)).toEqual(["error", "error", "info"]);
  });
});
