/** Waiting for what is under way, without waiting for time. */

/** Lets promises and immediates that are under way run: for code that waits for nothing but those. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Longest wait of {@link eventually}, in milliseconds: only a failing test ever waits that long. */
const PATIENCE = 10_000;

/** Resolves once `condition` holds; for facts that no promise announces. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what = condition.toString(),
  patience = PATIENCE,
): Promise<void> {
  const end = Date.now() + patience;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`This did not come true: ${what}`);
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }
}

/** The coded error a promise rejects with; fails when it resolves. */
export async function rejection(
  promise: Promise<unknown>,
): Promise<{ code?: string; message: string; details?: unknown }> {
  try {
    await promise;
  } catch (error) {
    return error as { code?: string; message: string; details?: unknown };
  }
  throw new Error("The promise resolved, but should have been rejected.");
}
