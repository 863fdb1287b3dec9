import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSettings } from "../../src/settings/load.ts";
import { facewire } from "../support/cli.ts";

let folder: string;
let cache: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "facewire-models-"));
  cache = (await loadSettings()).models_cache;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A cache of its own in which one model file is cut short. */
async function damagedCache(model: string): Promise<string> {
  const damaged = join(folder, `damaged-${model}`);
  await mkdir(damaged);
  for (const name of (await readdir(cache)).filter((entry) => entry.endsWith(".onnx"))) {
    if (!name.startsWith(`${model}.`)) await symlink(join(cache, name), join(damaged, name));
    else {
      await copyFile(join(cache, name), join(damaged, name));
      await truncate(join(damaged, name), 1000);
    }
  }
  return damaged;
}

describe("facewire models", () => {
  test("list shows task, aliases, state, size and licence of every card", async () => {
    const { code, stdout } = await facewire(["models", "list"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^name +task +aliases +state +size +licence$/m);
    expect(stdout).toMatch(/^ultraface-320 +detect +\S*detector-default\S*.* ok +[\d.]+ MiB +MIT$/m);
  });

  test("verify ends with 0 when every file is whole", async () => {
    const { code, stdout } = await facewire(["models", "verify"]);
    expect(stdout).toMatch(/^\d+ models whole$/m);
    expect(code).toBe(0);
  });

  test("verify ends with 1 and names the damaged model", async () => {
    const env = { FACEWIRE_MODELS_CACHE: await damagedCache("pfld-68") };
    const { code, stdout, stderr } = await facewire(["models", "verify"], { env });
    expect(code).toBe(1);
    expect(stdout).toBe("pfld-68: damaged\n");
    expect(stderr).toContain("facewire models pull");
  });

  test("pull leaves whole files alone and says so", async () => {
    const { code, stderr } = await facewire(["models", "pull"]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^(\d+) models ready, \1 were there already$/m);
  });

  test("pull of an unknown model names the nearest", async () => {
    const { code, stderr } = await facewire(["models", "pull", "livenes-default"]);
    expect(code).toBe(1);
    expect(stderr).toContain('Did you mean "liveness-default"?');
  });
});
