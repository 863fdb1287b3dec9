/** How a long command learns that it should stop: Ctrl-C, SIGTERM, or the launcher above it being gone. */
import { launcherGone } from "./launcher.ts";

/**
 * A launcher passes the terminal's signal on, so one Ctrl-C can arrive several times at once; only a signal after this
 * many milliseconds counts as the person asking again.
 */
const SAME_SIGNAL_MS = 500;

/** A command's wish to be stopped. */
export interface StopSignal {
  /** Aborted at the first signal, with the signal's name as reason. */
  readonly signal: AbortSignal;
  /** Resolves at the first signal, with its name. */
  readonly stopped: Promise<string>;
  /** Gives the signals back to the runtime. */
  dispose(): void;
}

/** Begins to listen. The first signal asks the command to end well; the second ends the process at once, with 130. */
export function listenForStop(): StopSignal {
  const controller = new AbortController();
  const { promise: stopped, resolve } = Promise.withResolvers<string>();
  let askedAt: number | undefined;
  const ask = (reason: string) => {
    if (askedAt === undefined) {
      askedAt = performance.now();
      controller.abort(reason);
      resolve(reason);
    } else if (performance.now() - askedAt > SAME_SIGNAL_MS) {
      process.exit(130);
    }
  };
  const onSignal = (signal: NodeJS.Signals) => ask(signal);
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  const unwatch = launcherGone(() => ask("launcher gone"));
  return {
    signal: controller.signal,
    stopped,
    dispose() {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
      unwatch();
    },
  };
}
