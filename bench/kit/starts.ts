/** A process that starts test servers, the first ones it has ever started, and says how long each took. Prints JSON. */
import { samplePhotograph } from "../../src/testing/photographs.ts";

/** Milliseconds of each part. */
export interface KitTimes {
  /** Importing the kit. */
  readonly imported: number;
  /** `startTestServer` for the first time, and then with everything loaded. */
  readonly cold: number;
  readonly warm: number;
  /** From the cold start's end to the first answer of a pipeline with four real models. */
  readonly firstAnswer: number;
  /** The same with scripted models, on a second server. */
  readonly firstScripted: number;
  readonly stopped: number;
}

async function timed<T>(action: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const start = performance.now();
  const value = await action();
  return { value, ms: performance.now() - start };
}

const kit = await timed(() => import("../../src/testing/index.ts"));
const { startTestServer, scripted } = kit.value;
const photograph = await samplePhotograph(1);
const cold = await timed(() => startTestServer());
const first = await timed(() => cold.value.run("face-liveness", photograph));
const warm = await timed(() => startTestServer({ models: { "*": scripted() } }));
const firstScripted = await timed(() => warm.value.run("face-liveness", photograph));
const stopped = await timed(() => warm.value.stop());
await cold.value.stop();
const times: KitTimes = {
  imported: kit.ms,
  cold: cold.ms,
  warm: warm.ms,
  firstAnswer: first.ms,
  firstScripted: firstScripted.ms,
  stopped: stopped.ms,
};
console.log(JSON.stringify(times));
