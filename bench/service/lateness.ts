/** Watches how late an event loop is: what was due on a grid of ticks, against when it came. */
import { quantile } from "../statistics.ts";
import type { Lateness } from "./protocol.ts";

/** Milliseconds between ticks. */
const TICK_MS = 5;

/** Starts to watch the thread it is called on; the result ends it and says what was seen. */
export function watchLateness(): () => Lateness {
  const late: number[] = [];
  let due = performance.now() + TICK_MS;
  const tick = () => {
    const now = performance.now();
    // Ticks that a long stall swallowed were late as well, each by what was left of it.
    for (; due <= now; due += TICK_MS) late.push(now - due);
    // Set anew each time: an interval would drift against the grid.
    timer = setTimeout(tick, due - now);
  };
  let timer = setTimeout(tick, TICK_MS);
  return () => {
    clearTimeout(timer);
    return {
      median: quantile(late, 0.5),
      p99: quantile(late, 0.99),
      most: quantile(late, 1),
      samples: late.length,
    };
  };
}
