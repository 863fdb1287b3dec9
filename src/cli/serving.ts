/** What `serve` and `up` share: the server's life from its start to its orderly end. */
import type { App } from "../app.ts";
import type { Settings } from "../settings/schema.ts";
import { note } from "./output.ts";
import { EXIT } from "./report.ts";
import { listenForStop } from "./stop-signal.ts";

/**
 * Starts the server, calls `ready`, keeps it running until a signal comes and lets it finish what it has taken. A second
 * signal ends the process at once. Resolves with the exit code; rejects when the server cannot start.
 */
export async function serveUntilStopped(settings: Settings, ready: (app: App) => Promise<void>): Promise<number> {
  const stop = listenForStop();
  const { startApp } = await import("../app.ts");
  const app = await startApp(settings);
  try {
    if (!stop.signal.aborted) await ready(app);
    const reason = await stop.stopped;
    note(`Stopping (${reason}): finishing what was taken. Once more to end at once.`);
  } finally {
    await app.stop();
  }
  return EXIT.ok;
}
