/** What commands share that keep a process running: its life from its start to its orderly end. */
import type { App } from "../app.ts";
import type { Settings } from "../settings/schema.ts";
import { note } from "./output.ts";
import { EXIT } from "./report.ts";
import { listenForStop } from "./stop-signal.ts";

/** Serves until stopped, as {@link runUntilStopped}. */
export async function serveUntilStopped(settings: Settings, ready: (app: App) => Promise<void>): Promise<number> {
  const { startApp } = await import("../app.ts");
  return runUntilStopped(() => startApp(settings), ready);
}

/**
 * Starts something, calls `ready`, keeps it running until a signal comes and lets it finish what it has taken. A second
 * signal ends the process at once. Resolves with the exit code; rejects when it cannot start.
 */
export async function runUntilStopped<T extends { stop(): Promise<void> }>(
  start: () => Promise<T>,
  ready: (running: T) => Promise<void>,
): Promise<number> {
  const stop = listenForStop();
  const running = await start();
  try {
    if (!stop.signal.aborted) await ready(running);
    const reason = await stop.stopped;
    note(`Stopping (${reason}): finishing what was taken. Once more to end at once.`);
  } finally {
    await running.stop();
  }
  return EXIT.ok;
}
