/** What the system refuses is told with its place and reason, never as an unexpected failure. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorLines } from "../../src/cli/report.ts";
import { systemFailure } from "../../src/cli/system-failure.ts";
import { PROJECT_ROOT, spawnFacewire } from "../support/cli.ts";
import { rejection } from "../support/settle.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

let folder: string;
let file: string;
beforeAll(async () => {
  folder = temporaryFolder("facewire-system-");
  file = join(folder, "a-file");
  await writeFile(file, "");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("On the command line", () => {
  test("a file or folder that cannot be read is named with the reason", async () => {
    for (const [action, path, reason] of [
      [readFile(join(folder, "none")), join(folder, "none"), "no such file or directory"],
      [readdir(file), file, "not a directory"],
    ] as const) {
      const lines = errorLines(await rejection(action), false);
      expect(lines).toEqual([`error file_unreadable: A file or folder cannot be read: ${path}: ${reason}`]);
    }
  });

  test("one that cannot be written too", async () => {
    for (const action of [mkdir(join(file, "below")), writeFile("/dev/full", "x")]) {
      expect(systemFailure(await rejection(action))?.code).toBe("file_unwritable");
    }
  });

  test("what is not the system's failure stays what it was", async () => {
    expect(systemFailure(new TypeError("x is not a function"))).toBeUndefined();
    expect(systemFailure(undefined)).toBeUndefined();
    const refused = await rejection(fetch("http://127.0.0.1:1/"));
    expect(systemFailure(refused)).toBeUndefined();
  });

  test("output onto a full disk is told in one line, whatever the command", async () => {
    const picture = "node_modules/@vladmandic/face-api/demo/sample1.jpg";
    for (const words of [["config"], ["run", "face-detect", picture, "--csv"]]) {
      const command = [process.execPath, join(PROJECT_ROOT, "src/cli/main.ts"), ...words];
      const child = Bun.spawn(["sh", "-c", 'exec "$@" >/dev/full', "sh", ...command], {
        cwd: PROJECT_ROOT,
        stderr: "pipe",
      });
      const stderr = await new Response(child.stderr).text();
      expect(stderr).toEndWith("error file_unwritable: The output cannot be written: no space left on device\n");
      expect(await child.exited).toBe(1);
    }
  });

  test("a folder of settings that cannot be read is named", async () => {
    const child = spawnFacewire(["pipelines", "list"], { env: { FACEWIRE_PIPELINES_DIR: join(folder, "none") } });
    const stderr = await new Response(child.stderr).text();
    expect(stderr).toBe(
      `error config_invalid: The pipelines folder cannot be read (pipelines_dir): ${folder}/none: no such file or directory\n`,
    );
  });

  test("a model card that cannot be read is named, not unexpected", async () => {
    const cards = join(folder, "cards");
    await mkdir(join(cards, "x.yaml"), { recursive: true });
    const child = spawnFacewire(["models", "list"], { env: { FACEWIRE_MODELS_DIR: cards } });
    expect(await new Response(child.stderr).text()).toStartWith("error card_invalid: The model card x.yaml could not");
  });

  test("a cache that cannot be written is to blame for models that cannot be brought, and nothing is asked of a source", async () => {
    const env = { FACEWIRE_MODELS_CACHE: join(file, "cache"), npm_config_registry: "http://127.0.0.1:1/" };
    const child = spawnFacewire(["models", "pull"], { env });
    expect(await new Response(child.stderr).text()).toStartWith(
      `error file_unwritable: The cache of models cannot be written (models_cache): ${file}/cache`,
    );
    expect(await child.exited).toBe(1);
  });
});
