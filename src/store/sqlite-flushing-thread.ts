/** Brings what was written to files that the process has open to the disk, one after the other. */
import { fdatasyncSync } from "node:fs";
import { parentPort } from "node:worker_threads";

/** Number of an open file. */
export type ToFlushingThread = number | "stop";
/** Why it could not be; empty when it is on the disk. */
export type FromFlushingThread = string;

const port = parentPort!;
port.on("message", (message: ToFlushingThread) => {
  if (message === "stop") return port.close();
  let failure = "";
  try {
    fdatasyncSync(message);
  } catch (error) {
    failure = error instanceof Error && error.message !== "" ? error.message : "it failed";
  }
  port.postMessage(failure satisfies FromFlushingThread);
});
