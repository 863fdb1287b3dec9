/** JPEGs made smaller. */
import sharp from "sharp";
import { DEFAULT_JPEG_QUALITY } from "./encode.ts";

/** The JPEG with its longer side `side` pixels long, aspect kept; done off the calling thread. For pictures of our own making. */
export async function thumbnail(jpeg: Uint8Array, side: number): Promise<Uint8Array> {
  const resized = sharp(jpeg).resize({ width: side, height: side, fit: "inside" });
  return new Uint8Array(await resized.jpeg({ quality: DEFAULT_JPEG_QUALITY }).toBuffer());
}
