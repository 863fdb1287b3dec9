/** Reads a video, holds its frames, and ends as it is told: `bun reading-process.ts <video> <way>`. */
import { openVideo } from "../../../src/media/video/open-video.ts";
import { EVERY_FRAME } from "../../support/videos.ts";

const [path, way] = process.argv.slice(2);
const reader = await openVideo(path!, EVERY_FRAME);
let count = 0;
for await (const _ of reader.frames()) {
  if (++count < EVERY_FRAME.slots) continue;
  console.log("reading");
  if (way === "process.exit") process.exit(3);
  if (way === "an exception") throw new Error("as it was told");
}
