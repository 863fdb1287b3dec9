import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { resolve } from "node:path";

const PROJECT = resolve(import.meta.dir, "../..");
/** Long enough to overflow the stack of whatever reads the command line recursively. */
const LONG_ARGUMENT = "x".repeat(120_000);
/** Any session starts the runtime's environment, also one that is refused. */
const SCRIPT = `
  await import(${JSON.stringify(`${PROJECT}/src/inference/session.ts`)});
  const { InferenceSession } = await import("onnxruntime-node");
  await InferenceSession.create(new Uint8Array(64)).catch(() => {});
`;

test("the inference runtime works without its telemetry, which leaves files and reads the command line", async () => {
  const child = Bun.spawn([process.execPath, "-e", SCRIPT, LONG_ARGUMENT], {
    cwd: PROJECT,
    stdout: "ignore",
    stderr: "ignore",
  });
  expect(await child.exited).toBe(0);
  expect(existsSync(`/tmp/mat-debug-${child.pid}.log`)).toBe(false);
});
