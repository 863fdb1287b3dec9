/** A photo with faces that is at hand wherever the project's packages are installed. */
import { join } from "node:path";
import { PROJECT_DIR } from "../settings/load.ts";

/** Path of the photo, from the project's folder: short enough to be shown in a command to copy. */
export const SAMPLE_PICTURE = "node_modules/@vladmandic/face-api/demo/sample1.jpg";

/** Absolute path of the sample photo, or undefined when the development packages are not installed. */
export async function samplePicture(): Promise<string | undefined> {
  const path = join(PROJECT_DIR, SAMPLE_PICTURE);
  return (await Bun.file(path).exists()) ? path : undefined;
}
