/** Turns of the event loop. */

/** Lets others have the thread: resolves when what waits for it now had its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resume) => setImmediate(resume));
}
