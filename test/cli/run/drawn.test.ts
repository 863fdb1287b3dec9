import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bestPaths, drawnPaths, framePath } from "../../../src/cli/run/drawn.ts";

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "facewire-drawn-"));
  await mkdir(join(root, "in"));
  await writeFile(join(root, "in/a.jpg"), "");
  await writeFile(join(root, "in/a.png"), "");
  await symlink(join(root, "in"), join(root, "same"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const a = () => ({ kind: "picture" as const, path: join(root, "in/a.jpg"), name: "in/a.jpg", inside: "a.jpg" });

describe("drawnPaths", () => {
  test("names are kept; what was not JPEG gets .jpg added, twins get a number", async () => {
    const png = { kind: "picture" as const, path: join(root, "in/a.png"), name: "in/a.png", inside: "a.png" };
    expect(await drawnPaths([a(), png, a()], join(root, "out"))).toEqual([
      join(root, "out/a.jpg"),
      join(root, "out/a.png.jpg"),
      join(root, "out/a-2.jpg"),
    ]);
  });

  test("the frames of a video go into a folder of its name", async () => {
    const video = { kind: "video" as const, path: join(root, "in/a.png"), inside: "clip.mp4" };
    const [folder] = await drawnPaths([video], join(root, "out"));
    expect(framePath(folder!, 42)).toBe(join(root, "out/clip.mp4/frame-000042.jpg"));
  });

  test("the best frame of a video goes beside a picture of its name, never onto one that is to be read", async () => {
    const video = { kind: "video" as const, path: join(root, "in/a.png"), inside: "a" };
    expect(await bestPaths([video], [video, a()], join(root, "out"))).toEqual([join(root, "out/a.jpg")]);
    await expect(bestPaths([video], [video, a()], join(root, "in"))).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("--best"),
    });
  });

  test("a copy that would replace a picture to be read is refused, also through a link", async () => {
    await expect(drawnPaths([a()], join(root, "in"))).rejects.toMatchObject({ code: "usage" });
    await expect(drawnPaths([a()], join(root, "same"))).rejects.toMatchObject({ code: "usage" });
  });
});
