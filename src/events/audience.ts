/**
 * Finds the listeners an event is for without asking all of them: each is entered under the narrowest part of its filter,
 * and an event only meets those entered under one of its own values.
 */
import type { EventFilter, StoredEvent } from "../store/events.ts";

/** Somebody who listens. */
export interface Listener {
  readonly filter: EventFilter;
}

/** Parts of a filter from the narrowest to the widest, with what an event has there. */
const PARTS = [
  { list: "requests", of: "request" },
  { list: "verdicts", of: "verdict" },
  { list: "pipelines", of: "pipeline" },
  { list: "types", of: "type" },
] as const;

/** Key of those without any filter; no value of an event has a key that is empty. */
const EVERYTHING = "";

/** Whether an event is among those a filter means. */
export function matches(filter: EventFilter, event: StoredEvent): boolean {
  return (
    filter.account === event.account && PARTS.every(({ list, of }) => filter[list]?.includes(event[of] ?? "") ?? true)
  );
}

/** Listeners, to be found by the events they want. */
export class Audience<L extends Listener> {
  readonly #members = new Set<L>();
  readonly #byKey = new Map<string, Set<L>>();

  /** How many listen. */
  get size(): number {
    return this.#members.size;
  }

  /** Adds one. Its filter must not change. */
  add(listener: L): void {
    this.#members.add(listener);
    for (const key of keysOf(listener.filter)) {
      const entered = this.#byKey.get(key) ?? new Set();
      this.#byKey.set(key, entered.add(listener));
    }
  }

  /** Takes one away; does nothing for one that is not here. */
  delete(listener: L): void {
    if (!this.#members.delete(listener)) return;
    for (const key of keysOf(listener.filter)) {
      const entered = this.#byKey.get(key);
      entered?.delete(listener);
      if (entered?.size === 0) this.#byKey.delete(key);
    }
  }

  /** Calls `found` once with each whom an event is for. */
  find(event: StoredEvent, found: (listener: L) => void): void {
    const keys =
      event.account === undefined
        ? [EVERYTHING, ...PARTS.flatMap(({ of }) => (event[of] === undefined ? [] : `${of} ${event[of]}`))]
        : [accountKey(event.account), accountKey(event.account, event.type)];
    for (const key of keys) {
      // Nobody is met twice: a listener is entered under one part, and there an event has one value.
      for (const listener of this.#byKey.get(key) ?? []) if (matches(listener.filter, event)) found(listener);
    }
  }
}

/** The listeners of an account are entered under it, with the types of events they want if they say which. */
function accountKey(account: string, type = ""): string {
  return `account ${account} ${type}`;
}

function keysOf(filter: EventFilter): readonly string[] {
  const { account, types } = filter;
  if (account !== undefined)
    return types ? [...new Set(types)].map((type) => accountKey(account, type)) : [accountKey(account)];
  const part = PARTS.find(({ list }) => filter[list] !== undefined);
  return part ? [...new Set(filter[part.list])].map((value) => `${part.of} ${value}`) : [EVERYTHING];
}
