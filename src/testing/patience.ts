/** Waiting for what should happen, with words for when it does not. */

/** Milliseconds that the kit waits where a test says nothing else. */
export const PATIENCE_MS = 5_000;

/** The promise's result; rejects with the message when it takes longer. `message` is asked for only then. */
export async function within<T>(timeoutMs: number, promise: Promise<T>, message: () => string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message())), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
