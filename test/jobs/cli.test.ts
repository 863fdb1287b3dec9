/** `facewire jobs` against a running server, as people use it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gate, heldAt, scripted, startTestServer, type TestServer, testPicture } from "../../src/testing/index.ts";
import { facewire, spawnFacewire } from "../support/cli.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const PICTURE = await testPicture({ width: 64, height: 64 });

let server: TestServer;
const held = gate();
let folder: string;
const jobs = (...words: string[]) =>
  facewire(["jobs", ...words, "--url", server.url, "--token", server.tokens.runner!]);

beforeAll(async () => {
  server = await startTestServer({
    shipped: false,
    pipelines: {
      detect: "stages:\n  - detect: {}\n",
      held: "stages:\n  - detect: {}\n  - landmarks: {}\n  - liveness: {}\nlimits: { deadline: 60s }\n",
    },
    models: { "*": scripted(), "liveness-default": scripted(heldAt(held, {})) },
    tokens: { runner: "run" },
    // One picture after the other, so that they come to the gate in order.
    settings: { inference: { items_per_worker: 1 } },
  });
  folder = temporaryFolder("facewire-cli-");
  await mkdir(join(folder, "sub"));
  for (const name of ["1.png", "2.png", "10.png", 'sub/o"dd.png']) await writeFile(join(folder, name), PICTURE);
  await writeFile(join(folder, "notes.txt"), "no picture");
});
afterAll(() => {
  held.open();
  return server.stop();
});

test("submit hands a folder in, prints the id alone, and with --wait what came of it", async () => {
  const { code, stdout, stderr } = await jobs("submit", "detect", folder, "--wait");
  expect(code).toBe(0);
  const id = stdout.trim();
  expect(id).toMatch(/^[0-9A-Z]{26}$/);
  expect(stderr).toContain("skipped 1 file");
  expect(stderr).toContain(`Handed in 4 files`);
  expect(stderr).toContain("completed: 4 results, 4 with faces");

  const results = await jobs("results", id, "--json");
  const names = results.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).name as string);
  expect(names).toEqual(["1.png", "2.png", "10.png", "o%22dd.png"]);
  expect((await jobs("results", id, "--after", "2", "--json")).stdout.trim().split("\n")).toHaveLength(1);
  const list = await jobs("list");
  expect(list.stdout).toContain(id);
  expect(list.stdout).toContain("4 of 4 (100 %)");
  expect(JSON.parse((await jobs("show", id, "--json")).stdout)).toMatchObject({ id, state: "completed", files: 4 });
});

test("the same key is the same job, and another file under it is told", async () => {
  const first = await jobs("submit", "detect", join(folder, "1.png"), "--key", "mine");
  const again = await jobs("submit", "detect", join(folder, "1.png"), "--key", "mine");
  expect([first.code, again.code, again.stdout]).toEqual([0, 0, first.stdout]);
  const other = await jobs("submit", "detect", join(folder, "2.png"), "--key", "mine");
  expect([other.code, other.stderr]).toEqual([1, expect.stringContaining("error idempotency_conflict:")]);
});

describe("While a job runs", () => {
  test("results --follow prints them as they come, wait shows its end, and cancel ends it", async () => {
    const id = (await jobs("submit", "held", folder)).stdout.trim();
    await held.holds(1);
    const following = spawnFacewire([
      "jobs",
      "results",
      id,
      "--follow",
      "--url",
      server.url,
      "--token",
      server.tokens.runner!,
    ]);
    const reader = following.stdout.getReader();
    held.pass();
    const { value } = await reader.read();
    expect(new TextDecoder().decode(value)).toStartWith("1.png  1 face");
    const waiting = jobs("wait", id);
    const cancelled = await jobs("cancel", id);
    expect([cancelled.code, cancelled.stderr]).toEqual([0, expect.stringMatching(/^cancelled: 1 result/)]);
    expect((await waiting).code).toBe(1);
    expect(await following.exited).toBe(1);
    const again = await jobs("cancel", id);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("error job_ended:")]);
  }, 30_000);
});

test("a server that is not there, a wrong token and a wrong word are each told in one line", async () => {
  const away = await facewire(["jobs", "list", "--url", "http://127.0.0.1:1"]);
  expect([away.code, away.stderr]).toEqual([1, expect.stringContaining("error server_unreachable:")]);
  const refused = await facewire(["jobs", "list", "--url", server.url, "--token", "fw_wrong"]);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("error unauthorized:")]);
  expect((await facewire(["jobs", "list", "--url", "nowhere"])).code).toBe(2);
  expect((await jobs("show", "nothing")).stderr).toContain("error job_unknown:");
  const file = join(folder, "token");
  await writeFile(file, `${server.tokens.runner}\n`);
  expect((await facewire(["jobs", "list", "--url", server.url, "--token-file", file])).code).toBe(0);
});
