import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { facewire, SAMPLE_PICTURES } from "../support/cli.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "facewire-pipelines-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const DETECT = "name: mine\ndescription: Mine.\nstages:\n  - detect: {}\n";

describe("facewire pipelines", () => {
  test("list names every pipeline with its stages", async () => {
    const { code, stdout } = await facewire(["pipelines", "list"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^face-liveness +ok +detect landmarks quality liveness /m);
  });

  test("check all finds the shipped pipelines right", async () => {
    const { code, stdout } = await facewire(["pipelines", "check", "all"]);
    expect(stdout).toBe("");
    expect(code).toBe(0);
  });

  test("check prints file:line:column of every problem and ends with 1", async () => {
    const file = join(folder, "broken.yaml");
    await writeFile(file, "name: broken\ndescription: Broken.\nstages:\n  - detekt: {}\n  - liveness: {}\n");
    const right = join(folder, "right.yaml");
    await writeFile(right, DETECT);
    const { code, stdout, stderr } = await facewire(["pipelines", "check", file, right]);
    expect(code).toBe(1);
    expect(stdout).toContain(`${file}:4:`);
    expect(stdout).toContain('did you mean "detect"?');
    expect(stderr).toContain("1 of 2 pipelines broken");
  });

  test("check of a file that is not there is a usage error", async () => {
    expect(await facewire(["pipelines", "check", join(folder, "nowhere.yaml")])).toMatchObject({ code: 2 });
  });

  test("explain shows what each stage reads and writes, its models and what it cost here", async () => {
    const { code, stdout } = await facewire(["pipelines", "explain", "face-liveness", "--runs", "2"]);
    expect(code).toBe(0);
    const liveness = stdout.slice(stdout.indexOf("4. liveness"), stdout.indexOf("aggregate:"));
    expect(liveness).toMatch(/reads +picture, face\.box/);
    expect(liveness).toMatch(/writes +face\.liveness/);
    expect(liveness).toMatch(/models +minifasnet-128/);
    expect(liveness).toMatch(/took +[\d.]+ ms/);
    expect(stdout).toMatch(/times: +median of 2 runs of sample1\.jpg/);
  });

  test("explain shows the parameters with what they may be, the models that are missing, and measures what is chosen", async () => {
    const chosen = ["--parameter", "descriptor=false", "--parameter", "portrait=false"];
    const { code, stdout } = await facewire(["pipelines", "explain", "luna-extract", "--runs", "2", ...chosen]);
    expect(code).toBe(0);
    expect(stdout).toContain("yaw: a number from 0 to 180, 180 by default. Greatest yaw either way; 180 is no gate.");
    expect(stdout).toContain("missing  ethnicity-default");
    expect(stdout).toContain("when     request.ethnicities");
  });

  test("explain of an unknown pipeline names the nearest", async () => {
    const { code, stderr } = await facewire(["pipelines", "explain", "face-livenes", "--runs", "0"]);
    expect(code).toBe(1);
    expect(stderr).toContain('Did you mean "face-liveness"?');
  });

  test("test runs the files beside the pipelines and fails when an expectation is not met", async () => {
    const pipelines = join(folder, "pipelines");
    await mkdir(pipelines);
    await writeFile(join(pipelines, "mine.yaml"), DETECT);
    await writeFile(
      join(pipelines, "mine.test.yaml"),
      `tests:
  - name: faces are found
    pictures: [${join(SAMPLE_PICTURES, "sample1.jpg")}]
    expect: [size(item.faces) > 0]
  - name: this cannot be
    pictures: [${join(SAMPLE_PICTURES, "sample1.jpg")}]
    expect: [size(item.faces) == 0]
`,
    );
    const { code, stdout, stderr } = await facewire(["pipelines", "test"], {
      env: { FACEWIRE_PIPELINES_DIR: pipelines },
    });
    expect(code).toBe(1);
    expect(stdout).toContain("ok  mine: faces are found");
    expect(stdout).toContain("FAILED  mine: this cannot be");
    expect(stderr).toContain("1 of 2 pipeline tests right");
  });
});

test("tests of a pipeline are found by its name, and a wrong name suggests the nearest", async () => {
  const named = await facewire(["pipelines", "test", "face-detect"]);
  expect(named.code).toBe(0);
  expect(named.stdout).toContain("ok  face-detect:");
  const wrong = await facewire(["pipelines", "test", "face-detekt"]);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('Did you mean "face-detect"?');
});

test("a pipeline that cannot run says why and what mends it", async () => {
  const env = { FACEWIRE_MODELS_CACHE: join(folder, "no-models") };
  const { code, stderr } = await facewire(["run", "face-detect", join(SAMPLE_PICTURES, "sample1.jpg")], { env });
  expect(code).toBe(1);
  expect(stderr).toContain("model_unavailable");
  expect(stderr).toContain("facewire models");
});

test("explain says the same on its own as under pipelines", async () => {
  const under = await facewire(["pipelines", "explain", "face-liveness", "--runs", "0"]);
  expect(await facewire(["explain", "face-liveness", "--runs", "0"])).toEqual(under);
  expect(under.stdout).toContain("4. liveness");
});
