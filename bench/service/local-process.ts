/** An engine without a server around it, as `facewire run` has one. */
import { openLocalEngine } from "../../src/cli/local-engine.ts";
import { loadSettings } from "../../src/settings/load.ts";
import type { ServiceAnswers, ServiceOrder } from "./protocol.ts";
import { runVideo } from "./run-video.ts";

/** What it is told, and what it answers. */
export type LocalOrder = Extract<ServiceOrder, { type: "video" | "stop" }>;
export type LocalAnswers = Pick<ServiceAnswers, "video" | "stop"> & { readonly ready: object };

const { engine, close } = await openLocalEngine(await loadSettings());

process.on("message", async (order: LocalOrder) => {
  switch (order.type) {
    case "video":
      process.send?.({ type: "video", ...(await runVideo(engine, order)) });
      return;
    case "stop":
      await close();
      process.send?.({ type: "stop" });
      process.disconnect?.();
      return;
  }
});
process.once("disconnect", () => process.exit());
process.send?.({ type: "ready" });
