/** Works on many things at once while results come out in the order the things went in. */

/** How {@link pump} works. */
export interface PumpOptions<T, R> {
  readonly inputs: readonly T[];
  /** Things worked on at the same time. */
  readonly concurrency: number;
  /** Works on one; a rejection ends the whole. */
  readonly work: (input: T, index: number) => Promise<R>;
  /** Takes the results in input order, one at a time; the pump waits for it, so a slow consumer slows the work down. */
  readonly emit: (result: R, index: number) => Promise<void>;
  /** When aborted nothing further is begun; what was begun is awaited and emitted. */
  readonly signal?: AbortSignal;
}

/**
 * Results that wait for an earlier one are held in memory: at most this many times the concurrency, then nothing new is
 * begun. Wide enough that one slow picture does not idle the workers.
 */
const WINDOW = 8;

/** Runs `work` over all inputs. Resolves with how many were emitted; rejects with the first failure. */
export async function pump<T, R>(options: PumpOptions<T, R>): Promise<number> {
  const { inputs, concurrency, work, emit, signal } = options;
  const results = new Map<number, R>();
  let next = 0;
  let emitted = 0;
  // One after the other: two results that are ready at once must not be emitted at once.
  let emission: Promise<void> = Promise.resolve();
  let failure: { readonly error: unknown } | undefined;
  const running = new Set<Promise<void>>();

  async function drain(): Promise<void> {
    while (results.has(emitted)) {
      const result = results.get(emitted) as R;
      results.delete(emitted);
      await emit(result, emitted);
      emitted++;
    }
  }

  function begin(index: number): void {
    const task = (async () => {
      try {
        results.set(index, await work(inputs[index] as T, index));
        emission = emission.then(drain);
        await emission;
      } catch (error) {
        failure ??= { error };
      }
    })().finally(() => running.delete(task));
    running.add(task);
  }

  while (failure === undefined) {
    while (
      running.size < concurrency &&
      next < inputs.length &&
      next - emitted < WINDOW * concurrency &&
      signal?.aborted !== true
    ) {
      begin(next++);
    }
    if (running.size === 0) break;
    await Promise.race(running);
  }
  await Promise.all(running);
  if (failure !== undefined) throw failure.error;
  return emitted;
}
