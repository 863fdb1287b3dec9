/**
 * Stores events in groups: what is told while a commit runs, or shortly after one, goes into the next. The database is
 * written on the thread that answers requests, so commits leave it most of the time however slow the disk is.
 */
import { nextTurn } from "../bus/turn.ts";
import { FacewireError } from "../errors.ts";
import type { Logger } from "../observe/logs.ts";
import type { EventWatcher } from "../observe/reports.ts";
import type { EventRow, Events, StoredEvent } from "../store/events.ts";
import type { EventRecorder, NewEvent } from "./recorder.ts";

/** What a log is made of. */
export interface EventLogParts {
  readonly events: Pick<Events, "append">;
  readonly watcher: EventWatcher;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Is given what was stored, in order, as soon as it is committed. */
  readonly onStored: (events: readonly StoredEvent[]) => void;
  /** Milliseconds between tries while the database cannot be used. */
  readonly retryMs?: number;
}

/** Events in one transaction: about 3 ms of the thread. */
const MOST_TOGETHER = 128;
/** In the long run commits take one part in this many and one of the thread's time. */
const REST_PER_WORK = 4;
/** Milliseconds of rest that may be put off: a request that comes alone is not kept waiting for the one before. */
const REST_PUT_OFF = 25;
/** Milliseconds; the longest rest before a commit, which is what storing adds to an answer at most. */
const LONGEST_REST = 40;
const RETRY_MS = 500;
/** What may wait for the database, in events and characters of data; more is lost. */
const MOST_WAITING = { events: 10_000, characters: 16 * 1024 * 1024 };
/** Milliseconds between two lines about a database that stays away. */
const REMIND_EVERY = 60_000;

interface Waiter {
  /** Events that must be settled, counted since the beginning. */
  readonly through: number;
  /** Stays when the database goes away, and is woken by nothing but the end. */
  readonly patient: boolean;
  readonly wake: () => void;
}

/** The recorder behind which events are stored. */
export class EventLog implements EventRecorder {
  readonly #parts: EventLogParts;
  readonly #waiting: EventRow[] = [];
  #characters = 0;
  readonly #waiters: Waiter[] = [];
  /** Events that were stored, found to be known, or given up. */
  #settled = 0;
  #lost = 0;
  #writing: Promise<void> | undefined;
  /** When all rest that was put off would have been taken, by `performance.now()`. */
  #restedAt = 0;
  /** Since when the database cannot be used, and when that was last logged. */
  #failure: { readonly error: FacewireError; loggedAt: number } | undefined;
  #closing = false;
  #hurry: () => void = () => {};

  constructor(parts: EventLogParts) {
    this.#parts = parts;
  }

  /** Why events are not being stored now; undefined when they are. */
  get failure(): FacewireError | undefined {
    return this.#failure?.error;
  }

  /** Events that wait to be stored. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Events that could not be kept since the beginning. */
  get lost(): number {
    return this.#lost;
  }

  async record(events: readonly NewEvent[]): Promise<boolean> {
    const lost = this.#lost;
    for (const event of events) this.#take(rowOf(event, this.#parts.now()));
    if (this.#waiting.length > 0) {
      this.#writing ??= this.#write();
      if (this.#failure === undefined) await this.#wait(false);
    }
    return this.#failure === undefined && this.#lost === lost;
  }

  async settled(): Promise<void> {
    if (this.#waiting.length > 0) await this.#wait(true);
  }

  /** Takes nothing more, stores what waits if the database can be used, and ends. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#hurry();
    await this.#writing;
    if (this.#waiting.length > 0) {
      this.#parts.logger.error("events lost", { events: this.#waiting.length, error: this.#failure?.error });
      this.#lose(this.#waiting.length);
      this.#settle(this.#waiting.length);
    }
  }

  #wait(patient: boolean): Promise<void> {
    const through = this.#settled + this.#waiting.length;
    return new Promise((wake) => this.#waiters.push({ through, patient, wake }));
  }

  #take(row: EventRow): void {
    const full =
      this.#waiting.length >= MOST_WAITING.events || this.#characters + row.data.length > MOST_WAITING.characters;
    if (this.#closing || full) {
      this.#lose(1);
      return;
    }
    this.#waiting.push(row);
    this.#characters += row.data.length;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#pause(Math.min(LONGEST_REST, this.#restedAt - performance.now() - REST_PUT_OFF));
      const startedAt = performance.now();
      const rows = this.#waiting.slice(0, MOST_TOGETHER);
      try {
        const stored = await this.#parts.events.append(rows);
        const ms = performance.now() - startedAt;
        const owed = Math.max(startedAt, this.#restedAt) + ms * (1 + REST_PER_WORK);
        this.#restedAt = Math.min(owed, performance.now() + REST_PUT_OFF + LONGEST_REST);
        this.#recovered();
        this.#parts.watcher.stored(stored, ms);
        if (stored.length > 0) this.#parts.onStored(stored);
        this.#settle(rows.length);
      } catch (thrown) {
        const error = FacewireError.from(thrown);
        if (error.code === "store_unavailable") this.#failed(error);
        else this.#giveUp(rows, error);
        if (this.#failure && this.#closing) break;
        if (this.#failure) await this.#pause(this.#parts.retryMs ?? RETRY_MS);
      }
    }
    this.#writing = undefined;
  }

  /** Rows that cannot be stored however often it is tried: those behind them must not wait for ever. */
  #giveUp(rows: readonly EventRow[], error: FacewireError): void {
    const types = [...new Set(rows.map(({ type }) => type))];
    this.#parts.logger.error("events lost", { events: rows.length, types, error });
    this.#lose(rows.length);
    this.#settle(rows.length);
  }

  #failed(error: FacewireError): void {
    const now = performance.now();
    const { logger } = this.#parts;
    if (this.#failure === undefined || now - this.#failure.loggedAt >= REMIND_EVERY) {
      logger.error("events cannot be stored", { waiting: this.#waiting.length, lost: this.#lost, error });
      this.#failure = { error, loggedAt: now };
    }
    // Whoever waits is let go: pictures run without events.
    const waiters = this.#waiters.splice(0);
    this.#waiters.push(...waiters.filter(({ patient }) => patient));
    for (const { patient, wake } of waiters) if (!patient) wake();
  }

  #recovered(): void {
    if (!this.#failure) return;
    this.#failure = undefined;
    this.#parts.logger.info("events are stored again", { lost: this.#lost });
  }

  #settle(count: number): void {
    for (const { data } of this.#waiting.splice(0, count)) this.#characters -= data.length;
    this.#settled += count;
    while (this.#waiters[0] && this.#waiters[0].through <= this.#settled) this.#waiters.shift()?.wake();
  }

  #lose(count: number): void {
    this.#lost += count;
    this.#parts.watcher.lost(count);
  }

  /** Waits, unless the log is closed; at least so long that what happens together is stored together. */
  async #pause(ms: number): Promise<void> {
    if (this.#closing) return;
    if (ms <= 0) return nextTurn();
    await new Promise<void>((resume) => {
      const timer = setTimeout(resume, ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resume();
      };
    });
  }
}

function rowOf(event: NewEvent, now: number): EventRow {
  const { key, type, pipeline, request, job, item, frame, verdict, data } = event;
  return {
    key,
    time: now,
    type,
    pipeline,
    request,
    job,
    item,
    frame: frame && JSON.stringify(frame),
    verdict,
    data: JSON.stringify(data),
    account: "account" in event ? event.account : undefined,
  };
}
