/** The testing kit: `import { startTestServer } from "facewire/testing"`. docs/testing.md shows how it is used. */

export { FacewireError } from "../errors.ts";
export type { EventData, EventType, Verdict } from "../events/catalog.ts";
export type {
  ModelScript,
  ScriptedFace,
  ScriptedOutputs,
  ScriptedValue,
} from "../inference/scripted/script.ts";
export type { ItemResult, PipelineSummary, RunResult } from "../pipeline/results.ts";
export type { WrittenSettings } from "../settings/schema.ts";
export { type HealthAnswer, type JsonAnswer, TestClient, type TestFiles, type TestRunOptions } from "./client.ts";
export type { TestScene } from "./drawn-scene.ts";
export { type CollectedEvent, EventCollector, type EventMatch, type EventPatience } from "./events.ts";
export { FakeClock, fakeClock } from "./fake-clock.ts";
export { Gate, gate } from "./gate.ts";
export type { PipelineSource } from "./home.ts";
export { type LogLine, LogLines } from "./log-lines.ts";
export { hasSamplePhotographs, samplePhotograph } from "./photographs.ts";
export { type TestPictureOptions, testPicture } from "./pictures.ts";
export {
  type Answer,
  crashing,
  failing,
  forEachFace,
  heldAt,
  inTurn,
  Steps,
  scripted,
  scriptedByMark,
  scriptedByName,
  slow,
  unavailable,
} from "./scripted.ts";
export { startTestServer, TestServer, type TestServerOptions } from "./server.ts";
export { hasFfmpeg, type TestVideoOptions, type TestVideoScene, testVideo } from "./videos.ts";
