import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ERROR_CODES, FacewireError } from "../../src/errors.ts";
import { effectiveSettings, HIDDEN } from "../../src/settings/effective.ts";
import { overrideOf, SETTING_KEYS } from "../../src/settings/keys.ts";
import { loadSettings, PROJECT_DIR, settingsOf } from "../../src/settings/load.ts";
import { errorReference, settingsFile, settingsReference } from "../../src/settings/reference.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "settings-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

let files = 0;
/** Writes a settings file and answers its path. */
async function settingsIn(text: string): Promise<string> {
  const file = join(dir, `settings-${files++}.yaml`);
  await writeFile(file, text);
  return file;
}

async function loading(sources: { text?: string; env?: Record<string, string> }) {
  return loadSettings({ file: await settingsIn(sources.text ?? ""), env: sources.env ?? {}, workingDir: dir });
}

async function refusal(sources: { text?: string; env?: Record<string, string> }): Promise<FacewireError> {
  try {
    await loading(sources);
  } catch (error) {
    if (error instanceof FacewireError) return error;
    throw error;
  }
  throw new Error("the settings were accepted");
}

describe("the shipped settings file", () => {
  test("is what the code says it is: every key with its default and description", async () => {
    expect(await readFile(join(PROJECT_DIR, "config/facewire.yaml"), "utf8")).toBe(settingsFile());
    for (const { path } of SETTING_KEYS) {
      if (!path.includes("*")) expect(settingsFile()).toMatch(new RegExp(`^ *${path.at(-1)}:`, "m"));
    }
  });

  test("gives the same settings as no file at all", async () => {
    expect(await loadSettings({ env: {}, workingDir: dir })).toEqual(await loading({}));
  });

  test("and the reference page agree with the code", async () => {
    expect(await readFile(join(PROJECT_DIR, "docs/settings.md"), "utf8")).toBe(settingsReference());
    for (const { variable } of SETTING_KEYS) expect(settingsReference()).toContain(`\`${variable}\``);
  });
});

test("the page of error codes has every code and agrees with the code", async () => {
  expect(await readFile(join(PROJECT_DIR, "docs/errors.md"), "utf8")).toBe(errorReference());
  for (const code of Object.keys(ERROR_CODES)) expect(errorReference()).toContain(`| \`${code}\` |`);
});

describe("a settings file", () => {
  test("gives durations in ms, sizes in bytes, areas in pixels and addresses in parts", async () => {
    const settings = await loading({
      text: 'http: { max_body: 1.5MiB, body_timeout: 2m }\npictures: { max_pixels: 12MP }\nlisten: { native: "[::1]:9000" }\n',
    });
    expect(settings.http).toMatchObject({ max_body: 1_572_864, max_files: 100, body_timeout: 120_000 });
    expect(settings.pictures.max_pixels).toBe(12_000_000);
    expect(settings.listen.native).toEqual({ host: "::1", port: 9000 });
  });

  test("resolves its paths against the folder of the installation, wherever it is read from", async () => {
    const settings = await loading({ text: "data_dir: data\nstages: { extra: [my/stage.ts, /abs/stage.ts] }\n" });
    expect(settings.data_dir).toBe(join(PROJECT_DIR, "data"));
    expect(settings.stages.extra).toEqual([join(PROJECT_DIR, "my/stage.ts"), "/abs/stage.ts"]);
  });

  test("may name pools; the default pool is always there", async () => {
    const settings = await loading({ text: "pools: { heavy: { slots: 2 } }\n" });
    expect(settings.pools).toEqual({ default: { slots: "auto", queue: 64 }, heavy: { slots: 2, queue: 64 } });
  });

  test("with mistakes is refused with all of them, each with its line and the nearest key", async () => {
    const error = await refusal({ text: "http:\n  max_bodi: 1MiB\n  body_timeout: 5\nlog: { level: inf }\n" });
    expect(error.code).toBe("config_invalid");
    expect(error.details?.problems).toMatchObject([
      { line: 2, path: "http.max_bodi", nearest: "max_body" },
      { line: 3, path: "http.body_timeout", found: 5 },
      { line: 4, path: "log.level", nearest: "info" },
    ]);
    expect(error.message).toContain("a duration from 100ms to 1h, such as 30s");
  });

  test.each(["0ms", "2h", "5", "5 s", "-1s", "1e3s", "99999999999s", "5 parsecs", "NaNs"])(
    "cannot have a body timeout of %s",
    async (value) => {
      const error = await refusal({ text: `http: { body_timeout: ${value} }` });
      expect(error.details?.problems).toHaveLength(1);
    },
  );

  test.each(["8000", "localhost", "host:99999", "::1:80", "a b:80", "http://h:80"])(
    "cannot listen on %s",
    async (value) => {
      const error = await refusal({ text: `listen: { native: "${value}" }` });
      expect(error.message).toContain("host:port");
    },
  );

  test("with a name twice in a list says that it is the repeat that is wrong", async () => {
    const { message, details } = await refusal({ text: "groups: [faces, faces]" });
    expect(message + JSON.stringify(details)).toContain("expected a list without repeats, found a list of 2 items");
  });

  test("that is named but missing is an error", async () => {
    const missing = loadSettings({ file: "nowhere.yaml", env: {}, workingDir: dir });
    await expect(missing).rejects.toMatchObject({
      code: "config_invalid",
      message: "There is no settings file nowhere.yaml.",
    });
    const named = loadSettings({ env: { FACEWIRE_CONFIG: "nowhere.yaml" }, workingDir: dir });
    await expect(named).rejects.toMatchObject({ code: "config_invalid" });
  });
});

describe("the environment", () => {
  test("has one variable for every key, and no two keys share one", () => {
    const variables = SETTING_KEYS.map((key) => key.variable);
    expect(new Set(variables).size).toBe(variables.length);
    for (const key of SETTING_KEYS) {
      expect(overrideOf(key.variable.replace("<NAME>", "HEAVY"))?.key).toBe(key);
    }
  });

  test("overrides the file, for every kind of value", async () => {
    const settings = await loading({
      text: "http: { max_body: 1MiB, max_files: 5 }\npools: { heavy: { slots: 2, queue: 7 } }\n",
      env: {
        FACEWIRE_LISTEN_NATIVE: "0.0.0.0:80",
        FACEWIRE_HTTP_MAX_BODY: "32MiB",
        FACEWIRE_HTTP_MAX_FILES: "7",
        FACEWIRE_ACCESS_OPEN: "true",
        FACEWIRE_INFERENCE_WORKERS: "auto",
        FACEWIRE_LOG_LEVEL: "debug",
        FACEWIRE_POOLS_HEAVY_SLOTS: "3",
        FACEWIRE_POOLS_VERY_HEAVY_SLOTS: "1",
      },
    });
    expect(settings.listen.native).toEqual({ host: "0.0.0.0", port: 80 });
    expect(settings.http).toMatchObject({ max_body: 33_554_432, max_files: 7 });
    expect(settings.access.open).toBe(true);
    expect(settings.log.level).toBe("debug");
    expect(settings.pools).toEqual({
      default: { slots: "auto", queue: 64 },
      heavy: { slots: 3, queue: 7 },
      "very-heavy": { slots: 1, queue: 64 },
    });
  });

  test("gives whole maps before their entries", async () => {
    const env = { FACEWIRE_POOLS_A_QUEUE: "9", FACEWIRE_POOLS: "{a: {slots: 1}, b: {slots: 2}}" };
    const { pools } = await loading({ env });
    expect(pools).toMatchObject({ a: { slots: 1, queue: 9 }, b: { slots: 2 } });
  });

  test("has its paths resolved against the working directory", async () => {
    const env = { FACEWIRE_DATA_DIR: "data", FACEWIRE_STAGES_EXTRA: "[a.ts]" };
    const settings = await loading({ env });
    expect(settings.data_dir).toBe(join(dir, "data"));
    expect(settings.stages.extra).toEqual([join(dir, "a.ts")]);
  });

  test("may name the settings file", async () => {
    const file = await settingsIn("http: { max_files: 3 }");
    expect((await loadSettings({ env: { FACEWIRE_CONFIG: file }, workingDir: dir })).http.max_files).toBe(3);
  });

  test("with a misspelt variable is refused with the nearest one", async () => {
    const error = await refusal({ env: { FACEWIRE_LISTEN_NATIV: "127.0.0.1:1" } });
    expect(error.details?.problems).toMatchObject([
      { file: "environment", path: "FACEWIRE_LISTEN_NATIV", nearest: "FACEWIRE_LISTEN_NATIVE" },
    ]);
  });

  test("and the file are checked together", async () => {
    const error = await refusal({ text: "log: { level: loud }", env: { FACEWIRE_HTTP_MAX_FILES: "many" } });
    expect(error.message.split("\n")).toHaveLength(2);
  });

  test.each([
    ["FACEWIRE_HTTP_MAX_FILES", ""],
    ["FACEWIRE_POOLS", ""],
    ["FACEWIRE_POOLS", "[1, 2"],
    ["FACEWIRE_POOLS_A_SLOTS", "0"],
    ["FACEWIRE_POOLS_A_COLOR", "red"],
    ["FACEWIRE_ACCESS_OPEN", "yes"],
  ])("cannot have %s=%s", async (variable, value) => {
    const error = await refusal({ env: { [variable]: value } });
    expect(error.message).toContain(variable);
  });
});

describe("secrets", () => {
  const secret = "Bearer very-secret-key";

  test("in the address of a setting do not show", async () => {
    const address = "http://somebody:very-secret@127.0.0.1:4318/v1/traces";
    const settings = await loading({ env: { FACEWIRE_OBSERVE_TRACES_ENDPOINT: address } });
    expect(settings.observe.traces.endpoint).toBe(address);
    const shown = JSON.stringify(effectiveSettings(settings));
    expect(shown).not.toContain("very-secret");
    expect(shown).toContain("127.0.0.1:4318/v1/traces");
  });

  test("are loaded, but hidden where settings are shown", async () => {
    const settings = await loading({ env: { FACEWIRE_OBSERVE_TRACES_HEADERS: `{authorization: ${secret}}` } });
    expect(settings.observe.traces.headers).toEqual({ authorization: secret });
    const shown = effectiveSettings(settings);
    expect(shown).toMatchObject({ observe: { traces: { headers: { authorization: HIDDEN } } } });
    expect(JSON.stringify(shown)).not.toContain("very-secret");
  });

  test.each([secret, `{authorization: [${secret}]}`, `{authorization: "${secret}`])(
    "are not shown by the error about them (%#)",
    async (value) => {
      const error = await refusal({ env: { FACEWIRE_OBSERVE_TRACES_HEADERS: value } });
      expect(JSON.stringify(error.toPublic())).not.toContain("very-secret");
    },
  );
});

test("effective settings are in the units of the file and give the same settings again", async () => {
  const settings = await loading({ text: "http: { max_body: 1536KiB, body_timeout: 90s }\n" });
  const shown = effectiveSettings(settings);
  expect(shown).toMatchObject({
    http: { max_body: "1536KiB", body_timeout: "90s" },
    listen: { native: "127.0.0.1:8000" },
  });
  expect(await loading({ text: JSON.stringify(shown) })).toEqual(settings);
});

test("settings cannot be changed", async () => {
  const settings = await loading({});
  expect(() => Object.assign(settings.http, { max_files: 1 })).toThrow();
});

describe("settings that a program writes", () => {
  test("are in the units of the file, and leave file and environment unread", () => {
    const settings = settingsOf({ http: { max_body: "1MiB" }, stages: { extra: ["own.ts"] } }, dir);
    expect(settings.http).toMatchObject({ max_body: 2 ** 20, max_files: 100 });
    expect(settings.stages.extra).toEqual([join(dir, "own.ts")]);
    expect(settings.pipelines_dir).toBe(join(PROJECT_DIR, "pipelines"));
    expect(settings.pools.default).toBeDefined();
  });

  test("that are wrong are told with the nearest right word", () => {
    const wrong = { http: { max_bdy: "1MiB" } } as object;
    expect(() => settingsOf(wrong)).toThrow('did you mean "max_body"?');
  });
});
