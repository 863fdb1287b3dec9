/** A scan thread that dies when it is asked for somebody called `die`. */
import { parentPort } from "node:worker_threads";
import type { ToScanThread } from "../../src/gallery/messages.ts";

parentPort?.on("message", (message: ToScanThread) => {
  if (message.type === "search" && message.searches.some(({ account }) => account === "die")) process.exit(7);
});
await import("../../src/gallery/scan-thread.ts");
