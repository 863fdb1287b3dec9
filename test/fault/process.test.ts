/** The server as a process: it ends well when asked to, starts again after a hard end, and says why it cannot start. */
import { describe, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RawClient } from "../api/native/raw-client.ts";
import { facewire } from "../support/cli.ts";
import { PLAIN_PICTURE } from "../support/engine.ts";
import { processesOf, serve } from "../support/server-process.ts";
import { makeHome } from "../support/test-server.ts";

/** What a probe writes when it has begun with a picture. */
const begun = (text: string) => text.split("\n").filter((line) => line.startsWith("+")).length;

/** A home with a pipeline that keeps its picture until the file `end` is there, and says in `log` when it has one. */
async function homeWithHold() {
  const home = await makeHome();
  await mkdir(home.dataDir);
  const end = join(home.dataDir, "end");
  const log = join(home.dataDir, "log");
  await writeFile(log, "");
  await home.writePipeline(
    "held",
    `stages:\n  - probe: { does: spin, channel: ${end}, log: ${log} }\nlimits: { deadline: 60s }\n`,
  );
  return { home, letGo: () => writeFile(end, ""), inHand: async () => begun(await Bun.file(log).text()) };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !(await holds()); await Bun.sleep(5)) {
    if (Date.now() > end) throw new Error(`This did not come true: ${holds}`);
  }
}

describe("SIGTERM", () => {
  test("lets every accepted request be answered, takes no new ones, and ends with 0 and nothing left behind", async () => {
    const { home, letGo, inHand } = await homeWithHold();
    await using _home = home;
    await using server = await serve(home, { FACEWIRE_INFERENCE_WORKERS: "1" });
    // One is in work; the others wait, or are in the worker's second hand.
    const running = Array.from({ length: 4 }, () => server.client.run("held", PLAIN_PICTURE));
    await until(async () => (await inHand()) === 1);
    await until(async () => (await server.client.metric("facewire_http_requests_open")) === 5);
    server.kill("SIGTERM");
    await until(() => RawClient.connect(server.client.port).then(leave, () => true));
    await letGo();
    for (const { status, body } of await Promise.all(running)) {
      expect([status, body.items?.[0]?.status]).toEqual([200, "no_face"]);
    }
    expect(await server.ended).toBe(0);
    expect(await processesOf(home)).toEqual([]);
    expect(server.output()).not.toContain("cut off");
  });

  test("ends with 0 at once when nothing is to be done", async () => {
    await using home = await makeHome();
    await using server = await serve(home);
    server.kill("SIGTERM");
    expect(await server.ended).toBe(0);
    expect(await processesOf(home)).toEqual([]);
  });

  test("cuts off after drain.timeout what does not end, and still ends with 0", async () => {
    const { home, letGo, inHand } = await homeWithHold();
    await using _home = home;
    await using server = await serve(home, { FACEWIRE_DRAIN_TIMEOUT: "100ms" });
    const cut = server.client.run("held", PLAIN_PICTURE).then(
      () => "answered",
      () => "cut off",
    );
    await until(async () => (await inHand()) === 1);
    server.kill("SIGTERM");
    expect(await cut).toBe("cut off");
    await letGo();
    expect(await server.ended).toBe(0);
    expect(server.output()).toContain("requests cut off");
  });
});

test("after kill -9 in the middle of work the server starts again on the same data and is well", async () => {
  const { home, letGo, inHand } = await homeWithHold();
  await using _home = home;
  const created = await facewire(["tokens", "create", "--role", "run"], { env: home.env });
  {
    await using server = await serve(home);
    const broken = server.client.run("held", PLAIN_PICTURE).catch(() => undefined);
    await until(async () => (await inHand()) === 1);
    server.kill("SIGKILL");
    expect(await server.ended).toBe(137);
    expect(await broken).toBeUndefined();
  }
  expect(await processesOf(home)).toEqual([]);
  await letGo();
  await using server = await serve(home);
  await server.client.expectAsBefore();
  // What was acknowledged before is still there.
  expect((await server.client.as(created.stdout.trim()).json("/v1/pipelines")).status).toBe(200);
});

describe("A server that cannot start says why in one readable line and ends with 1:", () => {
  /** Lines of standard error that are not log lines, and the exit code. */
  async function failure(env: Readonly<Record<string, string>>) {
    const { code, stderr, stdout } = await facewire(["serve"], { env });
    expect(stdout).toBe("");
    expect(stderr).not.toContain("    at ");
    return { code, lines: stderr.split("\n").filter((line) => line.startsWith("error ")) };
  }

  test("its port is taken", async () => {
    await using home = await makeHome();
    using taken = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("mine") });
    const { code, lines } = await failure({ ...home.env, FACEWIRE_LISTEN_NATIVE: `127.0.0.1:${taken.port}` });
    expect([code, lines]).toEqual([
      1,
      [expect.stringMatching(new RegExp(`^error config_invalid: .*\\b${taken.port}\\b`))],
    ]);
    expect(await processesOf(home)).toEqual([]);
  });

  test("its database is no database", async () => {
    await using home = await makeHome();
    await mkdir(home.dataDir);
    await writeFile(
      join(home.dataDir, "facewire.sqlite"),
      "not a database at all, but long enough to look at".repeat(99),
    );
    const { code, lines } = await failure(home.env);
    expect([code, lines]).toEqual([1, [expect.stringMatching(/^error store_unavailable: .*not a database/)]]);
  });

  test("its pipelines folder is not there", async () => {
    await using home = await makeHome();
    const { code, lines } = await failure({ ...home.env, FACEWIRE_PIPELINES_DIR: join(home.dataDir, "nowhere") });
    expect([code, lines]).toEqual([1, [expect.stringMatching(/^error config_invalid: .*pipelines/)]]);
  });
});

/** A connection that was taken after all: not what is waited for. */
function leave(client: RawClient): boolean {
  client.leave();
  return false;
}
