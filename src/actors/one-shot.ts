/** An actor that lives for one result: the shape of a request. */
import type { Clock } from "../bus/clock.ts";
import { FacewireError } from "../errors.ts";
import type { ActorOptions } from "./actor.ts";
import type { Finish, OneShotActor, OneShotOptions } from "./actors.ts";
import type { Cell } from "./cell.ts";
import { checkWanted, deadlineExceeded, requestCancelled, shuttingDown } from "./question.ts";

/** Brings the actor of a one-shot to life. */
export type SpawnOneShot<Result, Body> = (actor: OneShotActor<Result, Body>, options: ActorOptions<Body>) => Cell;

/** See `Actors.runOnce`. */
export async function runOneShot<Result, Body>(
  clock: Clock,
  create: (finish: Finish<Result>) => OneShotActor<Result, Body>,
  options: OneShotOptions<Body>,
  spawn: SpawnOneShot<Result, Body>,
): Promise<Result> {
  const { deadline, signal, ...kept } = options;
  checkWanted(clock, deadline, signal);
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  let finish = (): void => {
    finished = true;
  };
  let finished = false;
  const actor = create({
    resolve: (result) => {
      resolve(result);
      finish();
    },
    reject: (error) => {
      reject(FacewireError.from(error));
      finish();
    },
  });
  // The result may be known before there is anything to do.
  if (finished) return promise;
  const cell = spawn(actor, {
    ...kept,
    reach: "local",
    maxAttempts: 1,
    maxFailures: 1,
    isRefusal: () => false,
  });
  finish = () => cell.beginStop();
  const cutOff = (error: FacewireError): void => {
    reject(error);
    void cell.stop();
  };
  const onAbort = (): void => cutOff(requestCancelled());
  const cancelTimer = clock.after(deadline - clock.now(), () => {
    try {
      const partial = actor.onDeadline?.();
      if (partial !== undefined) resolve(partial);
    } catch (error) {
      reject(FacewireError.from(error));
    }
    cutOff(deadlineExceeded());
  });
  signal?.addEventListener("abort", onAbort);
  // After `resolve` or `reject` this says nothing any more; before, the actor ended without a result.
  void cell.stopped.then((reason) => {
    reject(reason === "given-up" ? FacewireError.from(cell.failure) : shuttingDown());
  });
  try {
    return await promise;
  } finally {
    cancelTimer();
    signal?.removeEventListener("abort", onAbort);
  }
}
