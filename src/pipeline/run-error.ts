/** The error of a whole run, when nothing of it could be worked on. */
import { FacewireError, type PublicError } from "../errors.ts";
import type { ItemResult } from "./results.ts";

/** Gathers what became of a run's items, without keeping them. */
export class RunErrors {
  #worked = false;
  #gravest: FacewireError | undefined;

  /** Takes one item. */
  add({ error }: Pick<ItemResult, "error">): void {
    if (!error) {
      this.#worked = true;
      return;
    }
    const coded = FacewireError.fromPublic(error);
    if (!this.#gravest || coded.status > this.#gravest.status) this.#gravest = coded;
  }

  /** None as long as one item was worked on, else the gravest (greatest status, first among equals). */
  get error(): PublicError | undefined {
    return this.#worked ? undefined : this.#gravest?.toPublic();
  }
}

/** The error a run as a whole is answered with; see {@link RunErrors.error}. */
export function runError(items: Iterable<Pick<ItemResult, "error">>): PublicError | undefined {
  const errors = new RunErrors();
  for (const item of items) errors.add(item);
  return errors.error;
}
