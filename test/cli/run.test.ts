import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import type { ItemResult } from "../../src/pipeline/results.ts";
import { facewire, SAMPLE_PICTURES, spawnFacewire } from "../support/cli.ts";

let folder: string;
const SAMPLE = join(SAMPLE_PICTURES, "sample1.jpg");

/** A folder with a group photo, a picture without faces, a damaged picture and a file that is none. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "facewire-run-"));
  await mkdir(join(folder, "in/deep"), { recursive: true });
  await copyFile(SAMPLE, join(folder, "in/deep/group.jpg"));
  const grey = sharp({ create: { width: 320, height: 240, channels: 3, background: "#888" } });
  await writeFile(join(folder, "in/empty.png"), await grey.png().toBuffer());
  await writeFile(join(folder, "in/broken.jpg"), (await readFile(SAMPLE)).subarray(0, 400));
  await writeFile(join(folder, "in/notes.csv"), "a,b\n");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function jsonLines(text: string): (ItemResult & { aggregate?: Record<string, unknown> })[] {
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe("facewire run", () => {
  test("a folder is read to the bottom; results come in its order, failures are told and end with 1", async () => {
    const { code, stdout, stderr } = await facewire(["run", "face-detect", join(folder, "in"), "--json"]);
    expect(code).toBe(1);
    const items = jsonLines(stdout);
    expect(items.map((item) => [item.name.slice(folder.length), item.status])).toEqual([
      ["/in/broken.jpg", "failed"],
      ["/in/deep/group.jpg", "ok"],
      ["/in/empty.png", "no_face"],
    ]);
    expect(items[0]!.error?.code).toMatch(/^picture_/);
    expect(items[1]!.faces.length).toBeGreaterThanOrEqual(3);
    expect(stderr).toContain("skipped 1 file that is not a picture or a video (1 .csv)");
    expect(stderr).toMatch(/^3 pictures: 1 with faces, 1 without a face, 1 failed; /m);
  });

  test("--parameter chooses by the pipeline's parameters, each of the type it is declared with", async () => {
    const chosen = ["--parameter", "descriptor=false", "--parameter", "portrait=false", "--parameter", "roll=10"];
    const { code, stdout } = await facewire(["run", "luna-extract", SAMPLE, "--json", ...chosen]);
    expect(code).toBe(0);
    const [item] = jsonLines(stdout);
    expect(item!.faces.some((face) => face.rejected?.reason === "roll")).toBe(true);
    expect(item!.faces.every((face) => face.descriptor === undefined && face.crops === undefined)).toBe(true);
  });

  test.each([
    ["yaw", /--parameter yaw is not name=value/],
    ["yaw=far", /Parameter yaw of pipeline luna-extract must be a number from 0 to 180/],
    ["attributes=yes", /Parameter attributes of pipeline luna-extract must be true or false/],
    ["atributes=true", /no parameter "atributes"\. Did you mean attributes\?/],
  ])("--parameter %s is refused before any picture is run", async (text, message) => {
    const { code, stdout, stderr } = await facewire(["run", "luna-extract", SAMPLE, "--parameter", text]);
    expect([code !== 0, stdout]).toEqual([true, ""]);
    expect(stderr).toMatch(message);
  });

  test("without an option the answer is for people, and all pictures that ran end with 0", async () => {
    const { code, stdout } = await facewire(["run", "face-liveness", SAMPLE]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/sample1\.jpg {2}1 face\n {2}1 {2}\d+x\d+ at \d+,\d+, score 0\.\d+|score 1\.00/);
    expect(stdout).toContain("(REGULAR)");
  });

  test("--csv has columns for the pipeline's parts and a row a face", async () => {
    const { code, stdout } = await facewire(["run", "face-attributes", "--csv", SAMPLE]);
    expect(code).toBe(0);
    const [heading, ...rows] = stdout.trim().split("\r\n");
    for (const column of [
      "file",
      "face",
      "box_x",
      "yaw",
      "quality",
      "age",
      "gender",
      "gender_probability",
      "emotion",
    ]) {
      expect(heading!.split(",")).toContain(column);
    }
    expect(rows.length).toBeGreaterThanOrEqual(3);
    for (const row of rows) expect(row.split(",")).toHaveLength(heading!.split(",").length);
  });

  test("a named file that is no picture is reported, not skipped", async () => {
    const { code, stdout } = await facewire(["run", "face-detect", join(folder, "in/notes.csv")]);
    expect(code).toBe(1);
    expect(stdout).toContain("error picture_unknown_format:");
  });

  test("--draw writes JPEGs under the same names and leaves the pictures alone", async () => {
    const before = await readFile(join(folder, "in/deep/group.jpg"));
    const out = join(folder, "out");
    await facewire(["run", "face-detect", join(folder, "in"), "--draw", out]);
    const drawn = await sharp(join(out, "deep/group.jpg")).metadata();
    const original = await sharp(before).metadata();
    expect([drawn.format, drawn.width, drawn.height]).toEqual(["jpeg", original.width, original.height]);
    expect(await Bun.file(join(out, "empty.png.jpg")).exists()).toBe(true);
    expect(await readFile(join(folder, "in/deep/group.jpg"))).toEqual(before);
  });

  test("--draw onto the pictures themselves is refused before anything is run", async () => {
    const { code, stderr } = await facewire(["run", "face-detect", join(folder, "in"), "--draw", join(folder, "in")]);
    expect(code).toBe(2);
    expect(stderr).toContain("would replace");
  });

  test("--explain shows each stage with its time and the reason of the verdict", async () => {
    const { stdout } = await facewire(["run", "face-liveness", SAMPLE, "--explain"]);
    expect(stdout).toMatch(/4\. liveness: 1 -> 1 face, [\d.]+ ms/);
    expect(stdout).toMatch(/REGULAR.*: (live|spoof|unknown)/);
  });

  test("--aggregate runs all pictures as one request and ends with the aggregate", async () => {
    const second = join(SAMPLE_PICTURES, "sample2.jpg");
    const { code, stdout } = await facewire(["run", "face-liveness", SAMPLE, second, "--aggregate", "--json"]);
    expect(code).toBe(0);
    const lines = jsonLines(stdout);
    expect(lines).toHaveLength(3);
    expect(lines[2]!.aggregate).toHaveProperty("liveness.pictures", 2);
  });

  test("an unknown pipeline names the nearest, a wrong time is a usage error", async () => {
    const unknown = await facewire(["run", "face-livenes", SAMPLE]);
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('error pipeline_unknown: No pipeline is called "face-livenes".');
    expect(unknown.stderr).toContain('"face-liveness"');
    expect(await facewire(["run", "face-liveness", SAMPLE, "--deadline", "5x"])).toMatchObject({ code: 2 });
  });

  test("Ctrl-C stops a long run cleanly with 130 and whole lines", async () => {
    const many = Array.from({ length: 400 }, () => SAMPLE);
    const child = spawnFacewire(["run", "face-liveness", "--json", ...many]);
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value ?? "";
    child.kill("SIGINT");
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    expect(await child.exited).toBe(130);
    const items = jsonLines(text);
    expect(items.length).toBeGreaterThan(0);
    expect(items.length).toBeLessThan(400);
    expect(await new Response(child.stderr).text()).toContain(`stopped after ${items.length} of 400`);
  });
});
