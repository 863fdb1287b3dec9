/** The server all tests of the turnstile start: its own pipeline and stage, nothing of what comes with Facewire. */
import { readFileSync } from "node:fs";
import { scripted, startTestServer, type TestServer, type TestServerOptions } from "facewire/testing";

const pipeline = readFileSync(new URL("../pipelines/turnstile.yaml", import.meta.url), "utf8");

/** One person in the middle of a picture of 640 x 480. */
export const ONE_PERSON = [{ box: [240, 140, 160, 190] }] as const;

/** A server whose models are all scripted: no model file is needed, and every test decides what the models see. */
export function startTurnstileServer({ models, ...options }: TestServerOptions = {}): Promise<TestServer> {
  return startTestServer({
    shipped: false,
    pipelines: { turnstile: pipeline },
    stages: [new URL("../stages/near-enough.ts", import.meta.url)],
    models: { "detector-default": scripted(ONE_PERSON), "*": scripted(), ...models },
    ...options,
  });
}
