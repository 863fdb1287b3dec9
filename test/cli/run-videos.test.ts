/** `facewire run` on videos: rows a frame, a verdict a video, in any length. */
import { beforeAll, describe, expect, test } from "bun:test";
import { copyFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { facewire, SAMPLE_PICTURES } from "../support/cli.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { hasFfmpeg, makeVideo } from "../support/videos.ts";

describe.skipIf(!hasFfmpeg())("facewire run on videos", () => {
  let folder: string;
  beforeAll(async () => {
    folder = temporaryFolder("facewire-run-videos-");
    await mkdir(join(folder, "in"));
    const photo = join(SAMPLE_PICTURES, "sample1.jpg");
    const source = ["-loop", "1", "-framerate", "10", "-i", photo, "-vf", "scale=640:-2,setsar=1", "-t", "1"];
    await copyFile(await makeVideo("clip.mp4", ...source, "-pix_fmt", "yuv420p"), join(folder, "in/clip.mp4"));
    await copyFile(photo, join(folder, "in/photo.jpg"));
  });

  test("--csv has a row a frame and face with its number and time, and a row with the verdict over the video", async () => {
    const { code, stdout, stderr } = await facewire(["run", "video-liveness", join(folder, "in"), "--csv"]);
    expect(code).toBe(0);
    const [heading, ...lines] = stdout.trim().split("\r\n");
    const names = heading?.split(",") ?? [];
    const rows = lines.map((line) => Object.fromEntries(line.split(",").map((cell, at) => [names[at], cell])));
    const video = rows.filter(({ file }) => file?.endsWith("clip.mp4"));
    expect(video.map(({ status, frame, time_s }) => [status, frame, time_s])).toEqual([
      ["ok", "0", "0"],
      ["ok", "2", "0.2"],
      ["ok", "4", "0.4"],
      ["ok", "6", "0.6"],
      ["ok", "8", "0.8"],
      ["video", "", ""],
    ]);
    expect(video.at(-1)).toMatchObject({ liveness: "live", liveness_calibration: "REGULAR" });
    expect(rows.at(-1)).toMatchObject({ status: "ok", frame: "" });
    expect(stderr).toMatch(/^6 items: 6 with faces; /m);
  });

  test("--json ends a video with what is known of it; --every, --draw and --best go by frames", async () => {
    const [drawn, best] = [join(folder, "drawn"), join(folder, "best")];
    const clip = join(folder, "in/clip.mp4");
    const words = ["run", "video-liveness", clip, "--json", "--every", "5", "--draw", drawn, "--best", best];
    const { code, stdout } = await facewire(words);
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map((line) => line.frame?.number ?? line.video.frames_analysed)).toEqual([0, 5, 2]);
    expect(await readdir(join(drawn, "clip.mp4"))).toEqual(["frame-000000.jpg", "frame-000005.jpg"]);
    expect((await sharp(join(best, "clip.mp4.jpg")).metadata()).width).toBe(640);
  });

  test("a pipeline of pictures only passes the videos of a folder by, and refuses one that is named", async () => {
    const pipelines = join(folder, "pipelines");
    await mkdir(pipelines);
    await Bun.write(join(pipelines, "still.yaml"), "name: still\ndescription: Stills.\nstages:\n  - detect: {}\n");
    const env = { FACEWIRE_PIPELINES_DIR: pipelines };
    const passed = await facewire(["run", "still", join(folder, "in")], { env });
    expect(passed).toMatchObject({ code: 0 });
    expect(passed.stderr).toContain("skipped 1 file that is not a picture (1 .mp4)");
    const named = await facewire(["run", "still", join(folder, "in/clip.mp4")], { env });
    expect(named.code).toBe(1);
    expect(named.stdout).toContain("error input_not_accepted");
  });

  test("a video that cannot be read is told and the others go on; --aggregate is for pictures", async () => {
    const broken = join(folder, "broken.mp4");
    await Bun.write(broken, "\0\0\0\x18ftypisom\0\0\0\0isommp42 but nothing more");
    const { code, stdout } = await facewire([
      "run",
      "video-liveness",
      broken,
      join(folder, "in/clip.mp4"),
      "--rate",
      "1",
    ]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/broken\.mp4 {2}error video_/);
    expect(stdout).toMatch(/clip\.mp4 {2}h264 640x\d+, 1 of 10 frames analysed, best frame 0 at 0\.000 s/);
    expect(await facewire(["run", "video-liveness", join(folder, "in"), "--aggregate"])).toMatchObject({ code: 2 });
  });

  test("ends at once where pictures of frames cannot be written, as it does for pictures", async () => {
    const file = join(folder, "a-file");
    await Bun.write(file, "in the way");
    const clip = join(folder, "in/clip.mp4");
    for (const option of ["--draw", "--best"]) {
      const { code, stderr } = await facewire(["run", "video-liveness", clip, clip, option, join(file, "x")]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^error usage: The picture .* cannot be written/m);
    }
  });

  test("shows what in a file's name would drive the terminal", async () => {
    const name = "red\u001b[31m\nline.mp4";
    await copyFile(join(folder, "in/clip.mp4"), join(folder, name));
    const { stdout } = await facewire(["run", "video-liveness", join(folder, name), "--rate", "1"]);
    expect(stdout.split("\n").filter((line) => line.includes("red\\u001b[31m\\nline.mp4  "))).toHaveLength(1);
    expect(stdout).not.toContain("\u001b");
  });
});
