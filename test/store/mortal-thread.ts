/** A flushing or merging thread that dies when it is asked for anything. */
import { parentPort } from "node:worker_threads";

parentPort?.on("message", () => process.exit(7));
