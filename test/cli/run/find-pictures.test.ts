import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPictures, skippedText } from "../../../src/cli/run/find-pictures.ts";

let root: string;
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

describe("findPictures", () => {
  test("folders give their pictures to the bottom in natural order, by extension or by content", async () => {
    const { pictures } = await findPictures([root]);
    expect(pictures.map((picture) => picture.inside)).toEqual([
      "b/deep/broken.png",
      "b/no-extension",
      "frame-2.JPG",
      "frame-10.jpg",
    ]);
  });

  test("what is not a picture is counted by kind", async () => {
    const { skipped } = await findPictures([root]);
    expect(skippedText(skipped)).toBe("skipped 3 files that are not pictures (2 .csv, 1 .mp4)");
  });

  test("a file named on the command line counts whatever it is", async () => {
    const { pictures, skipped } = await findPictures([join(root, "b/boxes.csv")]);
    expect(pictures.map((picture) => picture.inside)).toEqual(["boxes.csv"]);
    expect(skipped.size).toBe(0);
  });

  test("a path that does not exist is a usage error", async () => {
    await expect(findPictures([join(root, "nowhere")])).rejects.toMatchObject({ code: "usage" });
  });
});
