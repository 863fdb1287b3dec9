/** The whole server in a process of its own, which also runs its engine without HTTP, so that both can be measured. */
import { startApp } from "../../src/app.ts";
import { loadSettings } from "../../src/settings/load.ts";
import type { EncodedPicture } from "../pictures.ts";
import { watchLateness } from "./lateness.ts";
import type { ServiceAnswers, ServiceOrder } from "./protocol.ts";
import { runVideo } from "./run-video.ts";
import { push, tell } from "./telling.ts";

const app = await startApp(await loadSettings());
const { engine } = app;
let pictures: readonly EncodedPicture[] = [];
let pipelines: readonly string[] = [];
let endWatch: (() => ServiceAnswers["unwatch"]) | undefined;

/** Begins to count; the result says how many milliseconds all threads have been on a core since. */
function countCpu(): () => number {
  const start = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
}

function watch(): () => ServiceAnswers["unwatch"] {
  const cpu = countCpu();
  const lateness = watchLateness();
  return () => ({ ...lateness(), cpuMs: cpu() });
}

function answer<T extends keyof ServiceAnswers>(type: T, value: ServiceAnswers[T]): void {
  process.send?.({ type, ...value });
}

/** Every picture through every pipeline, round and round. */
async function run(atOnce: number, forMs: number): Promise<ServiceAnswers["run"]> {
  const cpu = countCpu();
  const start = performance.now();
  let next = 0;
  let failed = 0;
  let requests = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (performance.now() - start < forMs) {
        const turn = next++;
        const picture = pictures[Math.floor(turn / pipelines.length) % pictures.length]!;
        const pipeline = pipelines[turn % pipelines.length]!;
        const result = await engine.run({ id: `bench-${turn}`, pipeline, files: [picture] });
        if (result.items[0]?.status === "failed") failed++;
        requests++;
      }
    }),
  );
  return { requests, failed, elapsedMs: performance.now() - start, cpuMs: cpu() };
}

process.on("message", async (order: ServiceOrder) => {
  switch (order.type) {
    case "pictures":
      // Each in memory of its own, as the HTTP side has them.
      pictures = order.pictures.map(({ name, bytes }) => ({ name, bytes: Uint8Array.from(bytes) }));
      pipelines = order.pipelines;
      return answer("pictures", {});
    case "run":
      return answer("run", await run(order.atOnce, order.forMs));
    case "video":
      return answer("video", await runVideo(engine, order));
    case "tell":
      return answer("tell", await tell(app, order));
    case "push":
      return answer("push", await push(app, order));
    case "watch":
      endWatch = watch();
      return answer("watch", {});
    case "unwatch":
      return answer("unwatch", endWatch!());
    case "memory":
      return answer("memory", { residentMiB: process.memoryUsage.rss() / 2 ** 20 });
    case "stop":
      await app.stop();
      answer("stop", {});
      process.disconnect?.();
      return;
  }
});
// Whoever measures is gone, however it ended: a server that nobody asks anything must not stay.
process.once("disconnect", () => process.exit());
answer("ready", { url: app.url, lunaUrl: app.lunaUrl });
