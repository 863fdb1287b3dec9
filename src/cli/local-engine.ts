/** An engine inside a command: no server, no database, files as they are when it starts. */
import { MemoryDeadLetters } from "../actors/dead-letters.ts";
import { type OpenEngine, openEngine } from "../app/engine.ts";
import type { Settings } from "../settings/schema.ts";

/** Milliseconds that pictures in hand get when a command ends; by then only an interrupt has left any. */
const PATIENCE = 2000;

/** Starts an engine; a given-up picture is in the command's own output, so its dead letter is not kept. */
export async function openLocalEngine(
  settings: Settings,
): Promise<Omit<OpenEngine, "close"> & { close(): Promise<void> }> {
  const open = await openEngine(settings, { deadLetters: new MemoryDeadLetters(0), watch: false });
  return { ...open, close: () => open.close(PATIENCE) };
}
