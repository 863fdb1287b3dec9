/** One video through an engine, to its end. */
import type { Engine } from "../../src/pipeline/results.ts";
import type { ServiceAnswers, ServiceOrder } from "./protocol.ts";

/** What is to be run. */
export type VideoOrder = Extract<ServiceOrder, { type: "video" }>;

/** Runs it and counts the frames that came back as they should. */
export async function runVideo(
  engine: Engine,
  { path, pipeline, sampling }: VideoOrder,
): Promise<ServiceAnswers["video"]> {
  const start = performance.now();
  let good = 0;
  const { video } = await engine.runVideo({
    id: "bench-video",
    pipeline,
    path,
    name: "bench.mp4",
    sampling,
    onItem({ status, faces }) {
      if (status === "ok" && faces.length === 1) good++;
    },
  });
  return { good, frames: video.frames_analysed, elapsedMs: performance.now() - start };
}
