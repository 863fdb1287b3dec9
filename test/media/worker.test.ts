/** Pictures are decoded in worker threads, several at once, each with kernels of its own. */
import { expect, test } from "bun:test";
import sharp from "sharp";

test("two workers decode at the same time and do not mix their pictures up", async () => {
  const workers = [10, 240].map((level) => ({
    level,
    worker: new Worker(new URL("./decode-worker.ts", import.meta.url)),
  }));
  const ask = (worker: Worker, bytes: Uint8Array): Promise<{ width: number; height: number; mean: number }> =>
    new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage(bytes);
    });
  await Promise.all(
    workers.map(async ({ level, worker }) => {
      for (const [width, height] of [
        [640, 480],
        [1280, 720],
        [90, 1000],
        [1920, 1080],
      ] as const) {
        const background = { r: level, g: level, b: level };
        const file = await sharp({ create: { width, height, channels: 3, background } })
          .jpeg()
          .toBuffer();
        const answer = await ask(worker, new Uint8Array(file));
        expect([answer.width, answer.height]).toEqual([width, height]);
        expect(Math.abs(answer.mean - level)).toBeLessThan(2);
      }
      worker.terminate();
    }),
  );
});
