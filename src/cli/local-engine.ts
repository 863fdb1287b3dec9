/** An engine inside a command: no server, no database, files as they are when it starts. */
import { type DeadLetterSink, MemoryDeadLetters } from "../actors/dead-letters.ts";
import { type OpenEngine, openEngine } from "../app/engine.ts";
import type { Settings } from "../settings/schema.ts";

/** Milliseconds that pictures in hand get when a command ends; by then only an interrupt has left any. */
const PATIENCE = 2000;

/** Starts an engine. A given-up picture is in the command's own output: without a sink its dead letter is not kept. */
export async function openLocalEngine(
  settings: Settings,
  deadLetters: DeadLetterSink = new MemoryDeadLetters(0),
): Promise<Omit<OpenEngine, "close"> & { close(): Promise<void> }> {
  // What a command runs it runs here, also where servers give stages to other processes.
  const alone: Settings = { ...settings, bus: "memory", roles: ["api", "inference"] };
  const open = await openEngine(alone, { deadLetters, watch: false });
  return { ...open, close: () => open.close(PATIENCE) };
}
