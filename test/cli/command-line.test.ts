import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { facewire } from "../support/cli.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "facewire-cli-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the command line", () => {
  test("--help names every command and ends with 0", async () => {
    const { code, stdout } = await facewire(["--help"]);
    expect(code).toBe(0);
    for (const command of [
      "up",
      "serve",
      "run",
      "pipelines",
      "models",
      "tokens",
      "dead-letters",
      "config",
      "doctor",
      "bench",
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, "m"));
    }
  });

  test("a misspelt command is a usage error that names the nearest one", async () => {
    const { code, stdout, stderr } = await facewire(["servee"]);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain("error usage: unknown command 'servee'");
    expect(stderr).toContain("Did you mean serve?");
  });

  test("options that exclude each other are a usage error", async () => {
    expect(await facewire(["run", "face-detect", ".", "--json", "--csv"])).toMatchObject({ code: 2 });
  });

  test("a mistake in the settings file is told with file, line and the nearest key, without a stack", async () => {
    const file = join(folder, "settings.yaml");
    await writeFile(file, "# mine\nhttp:\n  max_fils: 3\n");
    const { code, stderr } = await facewire(["config", "--config", file]);
    expect(code).toBe(1);
    expect(stderr).toStartWith("error config_invalid: 1 problem in ");
    expect(stderr).toContain("settings.yaml:3:3 http.max_fils");
    expect(stderr).toContain('did you mean "max_files"?');
    expect(stderr).not.toContain("    at ");
  });

  test("--verbose shows where an error comes from", async () => {
    const { stderr } = await facewire(["config", "--config", join(folder, "nowhere.yaml"), "--verbose"]);
    expect(stderr).toContain("error config_invalid:");
    expect(stderr).toContain("    at ");
  });
});

describe("facewire config", () => {
  test("says of each setting where it comes from", async () => {
    const file = join(folder, "own.yaml");
    await writeFile(file, "http:\n  max_files: 7\n");
    const env = { FACEWIRE_QUEUE_LIMIT: "9" };
    const { code, stdout } = await facewire(["config", "--config", file], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^http\.max_files: 7 +# .*own\.yaml:2$/m);
    expect(stdout).toMatch(/^queue\.limit: 9 +# FACEWIRE_QUEUE_LIMIT$/m);
    expect(stdout).toMatch(/^drain\.timeout: 30s +# default$/m);
  });

  test("hides secrets, also as JSON", async () => {
    const env = { FACEWIRE_OBSERVE_TRACES_HEADERS: "{ x-api-key: hush }" };
    for (const words of [["config"], ["config", "--json"]]) {
      const { code, stdout } = await facewire(words, { env });
      expect(code).toBe(0);
      expect(stdout).toContain("x-api-key");
      expect(stdout).not.toContain("hush");
    }
  });
});

describe("facewire tokens", () => {
  test("a token is shown once, listed without its secret, and revoked for good", async () => {
    const env = { FACEWIRE_DATA_DIR: join(folder, "data") };
    const created = await facewire(["tokens", "create", "--role", "run", "--name", "camera"], { env });
    expect(created.code).toBe(0);
    const secret = created.stdout.trim();
    expect(secret).toMatch(/^fw_\S{20,}$/);
    const id = /Token (\S+) of role run/.exec(created.stderr)?.[1] ?? "";

    const listed = await facewire(["tokens", "list"], { env });
    expect(listed.stdout).toContain(id);
    expect(listed.stdout).toMatch(/camera +run +in force/);
    expect(listed.stdout).not.toContain(secret);

    expect((await facewire(["tokens", "revoke", id], { env })).code).toBe(0);
    expect((await facewire(["tokens", "list"], { env })).stdout).toContain("revoked");
    const again = await facewire(["tokens", "revoke", id], { env });
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("error not_found:");
  });

  test("a name that would break a line of the log or hide itself is refused", async () => {
    const env = { FACEWIRE_DATA_DIR: join(folder, "names") };
    for (const name of ["a\nb", "a\u001b[2J", "a\u202eb", "x".repeat(101)]) {
      const { code, stdout } = await facewire(["tokens", "create", "--role", "run", "--name", name], { env });
      expect([name, code, stdout]).toEqual([name, 2, ""]);
    }
    const fine = await facewire(["tokens", "create", "--role", "run", "--name", "Büro 3 ☃"], { env });
    expect(fine.code).toBe(0);
  });

  test("a role that does not exist is a usage error", async () => {
    const { code, stderr } = await facewire(["tokens", "create", "--role", "root"]);
    expect(code).toBe(2);
    expect(stderr).toContain("run, read, admin");
  });
});
