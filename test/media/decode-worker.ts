/** A worker thread that decodes what it is sent and answers with the mean of its pixels: for `worker.test.ts`. */
import { decodePicture } from "../../src/media/decode.ts";
import { LIMITS } from "./files.ts";

declare const self: Worker;

self.onmessage = async ({ data }: MessageEvent<Uint8Array>) => {
  const picture = await decodePicture(data, LIMITS);
  const { width, height } = picture;
  const luma = picture.luma({ x: 0, y: 0, width, height }, 64, 64);
  picture.release();
  self.postMessage({ width, height, mean: luma.reduce((sum, value) => sum + value, 0) / luma.length });
};
