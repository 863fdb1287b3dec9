/**
 * Hands events to the subscribers of this process, each once and in the order of their ids, whichever process stored them.
 * What this process stores comes straight from its log; where ids are missing in between, another process stored them, and
 * they are read from the database. Hints and a look every second tell when to read; lost, late or repeated hints change
 * nothing.
 */
import { nextTurn } from "../bus/turn.ts";
import type { Logger } from "../observe/logs.ts";
import type { EventWatcher } from "../observe/reports.ts";
import { EVERYBODY, type Events, type StoredEvent } from "../store/events.ts";
import { Audience } from "./audience.ts";
import { OutgoingEvent, type ReadyEvent } from "./outgoing.ts";
import type { Meeting, Subscriber } from "./subscriber.ts";

/** What a hub is made of. */
export interface EventHubParts {
  readonly events: Pick<Events, "after" | "bounds">;
  readonly watcher: EventWatcher;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds between looks at the database while somebody listens. */
  readonly lookEveryMs?: number;
}

const LOOK_EVERY = 1_000;
/** Events handed out together; a subscriber gets its part of them in one go. */
const BATCH = 50;
/** Own events kept until they are handed out; more are read back from the database. */
const MOST_PENDING = 5_000;
/** Milliseconds; handing out takes at most half of the thread, and adds no more than this to an event's age. */
const LONGEST_REST = 25;
/** Milliseconds of handing out after which others get the thread. */
const SLICE_MS = 4;

/** See the file's head. */
export class EventHub implements Meeting {
  readonly #parts: EventHubParts;
  readonly #audience = new Audience<Subscriber>();
  /** Everything up to here was handed to those who listened. */
  #position = 0;
  /** The greatest id that is known to be stored. */
  #target = 0;
  /** Hints so far: one that comes while the database is read may tell of more than was read. */
  #hints = 0;
  #pending: StoredEvent[] = [];
  #pumping: Promise<void> | undefined;
  #looking: ReturnType<typeof setInterval> | undefined;
  #stopped = false;

  constructor(parts: EventHubParts) {
    this.#parts = parts;
  }

  /** Takes what this process has just committed. */
  stored(events: readonly StoredEvent[]): void {
    if (this.#audience.size > 0 && this.#pending.length < MOST_PENDING) this.#pending.push(...events);
    this.hint(events.at(-1)?.id ?? 0);
  }

  /** Learns that events up to this id are stored. */
  hint(latest: number): void {
    this.#hints++;
    this.#target = Math.max(this.#target, latest);
    if (this.#audience.size === 0) this.#position = this.#target;
    else if (this.#position < this.#target) this.#pumping ??= this.#pump();
  }

  join(subscriber: Subscriber): boolean {
    // With nobody here there is nobody who needs what lies between.
    if (this.#audience.size === 0) this.#position = Math.max(this.#position, subscriber.position);
    if (subscriber.position < this.#position) return false;
    this.#audience.add(subscriber);
    this.#looking ??= setInterval(() => void this.#look(), this.#parts.lookEveryMs ?? LOOK_EVERY);
    this.hint(subscriber.position);
    return true;
  }

  leave(subscriber: Subscriber): void {
    this.#audience.delete(subscriber);
    if (this.#audience.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
    this.#pending = [];
  }

  /** Resolves when everything that is known to be stored was handed out, as far as the database gives it. */
  async settled(): Promise<void> {
    await this.#pumping;
  }

  /** Hands out nothing more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#looking);
    await this.#pumping;
  }

  async #look(): Promise<void> {
    try {
      this.hint((await this.#parts.events.bounds()).latest);
    } catch (error) {
      this.#parts.logger.debug("no look at the events", { error });
    }
  }

  async #pump(): Promise<void> {
    try {
      while (!this.#stopped && this.#audience.size > 0 && this.#position < this.#target) {
        const events = this.#ownNext() ?? (await this.#read());
        const startedAt = performance.now();
        await this.#handOut(events);
        // What comes while it rests goes out together: writing to a socket costs the same for one event as for ten.
        const rest = Math.min(LONGEST_REST, performance.now() - startedAt);
        if (rest >= 1) await Bun.sleep(rest);
      }
    } catch (error) {
      // The next look, hint or commit begins again where this ended.
      this.#parts.logger.warn("events not read", { error });
    } finally {
      this.#pumping = undefined;
    }
  }

  /** Own events that follow at once on what was handed out. */
  #ownNext(): readonly StoredEvent[] | undefined {
    const from = this.#pending.findIndex(({ id }) => id > this.#position);
    this.#pending.splice(0, from === -1 ? this.#pending.length : from);
    if (this.#pending[0]?.id !== this.#position + 1) return undefined;
    const gap = this.#pending.findIndex(({ id }, at) => id !== this.#position + 1 + at);
    const events = this.#pending.splice(0, Math.min(BATCH, gap === -1 ? BATCH : gap));
    this.#position = events.at(-1)?.id ?? this.#position;
    return events;
  }

  async #read(): Promise<readonly StoredEvent[]> {
    const hints = this.#hints;
    const page = await this.#parts.events.after(this.#position, { account: EVERYBODY }, BATCH);
    this.#position = Math.max(this.#position, page.through);
    // What was hinted at is not in this database: it must not be looked for for ever.
    if (page.through >= page.latest && this.#hints === hints) this.#target = page.latest;
    return page.events;
  }

  async #handOut(events: readonly StoredEvent[]): Promise<void> {
    const now = this.#parts.now();
    const shares = new Map<Subscriber, ReadyEvent[]>();
    const thread = new Slices();
    for (const event of events) {
      const outgoing = new OutgoingEvent(event, now);
      this.#audience.find(event, (subscriber) => {
        const ready = subscriber.view.ready(outgoing);
        if (!ready) return;
        const share = shares.get(subscriber);
        if (share) share.push(ready);
        else shares.set(subscriber, [ready]);
      });
      if (thread.used) await thread.leave();
    }
    for (const [subscriber, share] of shares) {
      subscriber.deliver(share);
      if (thread.used) await thread.leave();
    }
  }
}

/** Handing out in pieces of a few milliseconds. */
class Slices {
  #startedAt = performance.now();

  /** It is time to let others have the thread. */
  get used(): boolean {
    return performance.now() - this.#startedAt >= SLICE_MS;
  }

  async leave(): Promise<void> {
    await nextTurn();
    this.#startedAt = performance.now();
  }
}
