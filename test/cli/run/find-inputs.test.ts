import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findInputs, inputsFor, skippedText } from "../../../src/cli/run/find-inputs.ts";

let root: string;
const PICTURES = new Set(["picture"] as const);
const JPEG_HEAD = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 16]);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "facewire-find-"));
  await mkdir(join(root, "b/deep"), { recursive: true });
  await mkdir(join(root, ".hidden"));
  await writeFile(join(root, "frame-10.jpg"), JPEG_HEAD);
  await writeFile(join(root, "frame-2.JPG"), JPEG_HEAD);
  await writeFile(join(root, "b/no-extension"), JPEG_HEAD);
  await writeFile(join(root, "b/deep/broken.png"), "not a picture at all");
  await writeFile(join(root, "b/clip.mp4"), "....ftyp");
  await writeFile(join(root, "b/boxes.csv"), "file,x,y\n");
  await writeFile(join(root, "b/more.csv"), "file,x,y\n");
  await writeFile(join(root, ".hidden/secret.jpg"), JPEG_HEAD);
  await symlink(root, join(root, "b/loop"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe("findInputs", () => {
  test("folders give their pictures to the bottom in natural order, by extension or by content", async () => {
    const { inputs } = inputsFor(await findInputs([root]), PICTURES);
    expect(inputs.map((input) => input.inside)).toEqual([
      "b/deep/broken.png",
      "b/no-extension",
      "frame-2.JPG",
      "frame-10.jpg",
    ]);
  });

  test("what is not a picture is counted by kind", async () => {
    const { skipped } = inputsFor(await findInputs([root]), PICTURES);
    expect(skippedText(skipped, PICTURES)).toBe("skipped 3 files that are not pictures (2 .csv, 1 .mp4)");
  });

  test("a file named on the command line counts whatever it is", async () => {
    const { inputs, skipped } = await findInputs([join(root, "b/boxes.csv")]);
    expect(inputs.map((input) => input.inside)).toEqual(["boxes.csv"]);
    expect(skipped.size).toBe(0);
  });

  test("a pipeline that takes videos gets those of a folder, one that takes none is still given those that are named", async () => {
    const videos = inputsFor(await findInputs([root]), new Set(["video"]));
    expect(videos.inputs.map(({ inside, kind }) => [inside, kind])).toEqual([["b/clip.mp4", "video"]]);
    expect(skippedText(videos.skipped, new Set(["video"]))).toContain("6 files that are not videos");
    const named = inputsFor(await findInputs([join(root, "b/clip.mp4")]), PICTURES);
    expect(named.inputs.map(({ kind }) => kind)).toEqual(["video"]);
  });

  test("a path that does not exist is a usage error", async () => {
    await expect(findInputs([join(root, "nowhere")])).rejects.toMatchObject({ code: "usage" });
  });
});
