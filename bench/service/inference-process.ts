/** A process that runs stages for others and takes no requests: `facewire serve --roles inference`. */
import { startInferenceNode } from "../../src/app/inference-node.ts";
import { loadSettings } from "../../src/settings/load.ts";
import type { InferenceOrder } from "./placed.ts";

const node = await startInferenceNode(await loadSettings());

process.on("message", async ({ type }: InferenceOrder) => {
  await node.stop();
  process.send?.({ type });
  process.disconnect?.();
});
process.once("disconnect", () => process.exit());
process.send?.({ type: "ready", workers: node.workers });
