/** A video in which every frame has faces and no two frames are alike: the view moves over a photograph. */
import { join } from "node:path";
import { SAMPLE_PICTURES } from "../support/cli.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

/** Makes it: H.264 in MP4, 480 x 360. */
export async function movingVideo(frames: number, rate = 10): Promise<Uint8Array> {
  const file = join(temporaryFolder("facewire-video-"), "moving.mp4");
  const child = Bun.spawn(
    [
      ...["ffmpeg", "-v", "error", "-nostdin", "-loop", "1", "-framerate", String(rate)],
      ...["-i", join(SAMPLE_PICTURES, "sample1.jpg"), "-frames:v", String(frames)],
      ...["-vf", "scale=720:480,crop=480:360:x='mod(n*7,240)':y='mod(n*3,120)'"],
      ...["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", file],
    ],
    { stdout: "ignore", stderr: "pipe" },
  );
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`ffmpeg made no video: ${said}`);
  return Bun.file(file).bytes();
}
