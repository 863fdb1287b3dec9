/**
 * Brings items to those who work on them: a bounded line in priority order, cancellation, another try when a worker died or a stage
 * failed, dead letters when that did not help.
 */
import type { DeadLetterSink } from "../actors/dead-letters.ts";
import { FacewireError, type PublicError } from "../errors.ts";
import type { Face } from "../stages/item.ts";
import { itemLetter } from "./item-letter.ts";
import { ItemQueue, type QueuedItem, type Turn } from "./item-queue.ts";
import { Ongoing } from "./ongoing.ts";
import type { ParameterValues } from "./parameters.ts";
import { type Plan, planKey } from "./plan.ts";
import type { PlanCosts } from "./plan-costs.ts";
import type { ItemInput, ItemOutcome } from "./protocol.ts";
import { BURIED, WORTH_RETRYING, type WorkPlaces } from "./work-places.ts";

/** One picture or frame to be run through one plan. */
export interface ScheduledItem {
  /** Unique among all items of all processes. */
  readonly id: string;
  readonly requestId: string;
  readonly plan: Plan;
  readonly name: string;
  readonly input: ItemInput;
  /** What the legs before found. */
  readonly faces: readonly Face[];
  /** See {@link ItemTask.carry}. */
  readonly carry: boolean;
  /** See {@link ItemTask.snapshotAbove}; asked when the item is handed to a worker. */
  readonly snapshotAbove: (() => number) | undefined;
  readonly index: number;
  readonly priority: number;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  /** See {@link ItemTask.parameters}. */
  readonly parameters: ParameterValues;
  readonly explain: boolean;
  readonly draw: boolean;
  readonly exif: boolean;
  readonly traceparent: string | undefined;
  /**
   * For an item of another process, which tries it again and keeps dead letters itself. `alone`: as in
   * `RunningItem.alone`.
   */
  readonly guest?: { readonly alone: boolean };
  /** Called once, unless the item is cancelled before. */
  readonly settle: (settled: SettledItem) => void;
}

/** What became of an item and when. Times since the epoch in ms. */
export interface SettledItem {
  readonly outcome: ItemOutcome;
  readonly queuedAt: number;
  readonly startedAt: number | undefined;
  readonly attempts: number;
}

/** How the line is bounded. */
export interface SchedulerOptions {
  readonly places: WorkPlaces;
  /** Most items that wait. */
  readonly maxWaiting: number;
  /** Most bytes that waiting items hold. */
  readonly maxBytes: number;
  /** Tries before an item is given up. */
  readonly maxAttempts: number;
  readonly deadLetters: DeadLetterSink;
  /** Learns from every item; the estimates of waits come from it. */
  readonly costs: PlanCosts;
}

/** Milliseconds between looks for items whose deadline passes while nobody has room for them. */
const EXPIRE_EVERY = 250;

/** Share of a request's deadline that the line ahead of it may take; the rest is for its own work and for noise. */
const WAIT_SHARE = 0.6;

/** An item on its way, with what the scheduler keeps about it. */
interface Entry extends QueuedItem {
  readonly item: ScheduledItem;
  readonly key: string;
  readonly queuedAt: number;
  startedAt: number | undefined;
  attempts: number;
  /** A worker ended while it had the item: it may be the cause, and must not take others along once more. */
  suspect: boolean;
  cancelled: boolean;
  /** It neither waits nor runs any more. */
  ended(): void;
}

/** See the file's head. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #queue = new ItemQueue<Entry>();
  readonly #entries = new Map<string, Entry>();
  readonly #ongoing = new Ongoing();
  #expiry: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Items that wait for a worker. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Items that wait or are in a worker's hands. */
  get unfinished(): number {
    return this.#entries.size;
  }

  /**
   * Throws `overloaded` when `count` more items of `bytes` would not find room, or when the last of them would wait so
   * long that its deadline (milliseconds from now) could not be kept. A line in which nobody waits takes any request.
   */
  admit(plan: Plan, count: number, bytes: number, deadlineMs: number, priority = plan.priority): void {
    const { maxWaiting, maxBytes, places } = this.#options;
    if (places.anyRoom && this.#queue.length === 0) return;
    const waitMs = this.#aheadMs(plan, count, priority) / Math.max(1, places.width);
    const full = this.#queue.length + count > maxWaiting || this.#queue.bytes + bytes > maxBytes;
    if (!full && waitMs <= deadlineMs * WAIT_SHARE) return;
    throw new FacewireError("overloaded", "Too much work is waiting.", {
      details: { waiting: this.#queue.length, retry_after_s: Math.max(1, Math.ceil(waitMs / 1000)) },
    });
  }

  /** Takes items that were admitted. */
  submit(items: Iterable<ScheduledItem>): void {
    for (const item of items) {
      const entry: Entry = {
        item,
        key: planKey(item.plan),
        priority: item.priority,
        byteLength: bytesOf(item),
        queuedAt: Date.now(),
        startedAt: undefined,
        attempts: 0,
        suspect: item.guest?.alone ?? false,
        cancelled: false,
        ended: this.#ongoing.begin(),
      };
      this.#entries.set(item.id, entry);
      this.#queue.add(entry);
    }
    this.dispatch();
  }

  /** Gives an item up; it is not settled any more. */
  cancel(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.cancelled = true;
    if (this.#queue.remove(entry)) this.#forget(entry);
    else this.#options.places.cancel(id);
  }

  /** Hands waiting items to workers with room. Called whenever either may have changed. */
  dispatch(): void {
    const { places } = this.#options;
    while (this.#queue.length > 0 && places.anyRoom) {
      const entry = this.#queue.take((each) => this.#turn(each));
      if (!entry) break;
      if (isLate(entry)) this.#fail(entry, LATE);
      else this.#start(entry);
    }
    this.#expireLater();
  }

  /** Fails every waiting item of a plan that cannot run any more. */
  failWaiting(plan: Plan, error: PublicError): void {
    const key = planKey(plan);
    for (const entry of [...this.#queue.items()]) {
      if (entry.key === key && this.#queue.remove(entry)) this.#fail(entry, error);
    }
  }

  /** Resolves when nothing waits or runs, or after `timeoutMs`. */
  whenIdle(timeoutMs: number): Promise<void> {
    return this.#ongoing.none(timeoutMs);
  }

  /** Room may never come: what waits for it is told in time. */
  #expireLater(): void {
    if (this.#expiry || this.#queue.length === 0) return;
    this.#expiry = setTimeout(() => {
      this.#expiry = undefined;
      for (const entry of [...this.#queue.items()].filter(isLate)) {
        if (this.#queue.remove(entry)) this.#fail(entry, LATE);
      }
      this.#expireLater();
    }, EXPIRE_EVERY);
    this.#expiry.unref();
  }

  #turn({ key, suspect }: Entry): Turn {
    const { places } = this.#options;
    if (places.hasRoom(key, suspect)) return "take";
    // It needs a worker for itself, which it would never get if others were let by.
    return suspect && places.holds(key) ? "hold" : "pass";
  }

  /** Milliseconds of one worker's time before the last of some new items could start. */
  #aheadMs(plan: Plan, count: number, priority: number): number {
    const { costs, places } = this.#options;
    let sum = (count - 1) * costs.itemMs(planKey(plan));
    for (const key of places.inHand()) sum += costs.itemMs(key);
    return sum + this.#queue.estimatedMs(priority, (key) => costs.itemMs(key));
  }

  #start(entry: Entry): void {
    const { item } = entry;
    entry.startedAt = Date.now();
    entry.attempts++;
    const snapshotAbove = item.snapshotAbove?.();
    this.#options.places.run({
      task: {
        id: item.id,
        plan: entry.key,
        index: item.index,
        name: item.name,
        input: item.input,
        faces: item.faces,
        carry: item.carry,
        ...(snapshotAbove === undefined ? {} : { snapshotAbove }),
        deadline: item.deadline,
        parameters: item.parameters,
        explain: item.explain,
        draw: item.draw,
        exif: item.exif,
      },
      priority: entry.priority,
      alone: entry.suspect,
      onOutcome: (outcome, inHand) => {
        // What ran alone says nothing of what it costs among others.
        if (!outcome.error && !entry.suspect) this.#options.costs.learn(entry.key, outcome, inHand);
        this.#onOutcome(entry, outcome);
      },
      onLost: (cause) => {
        entry.suspect = true;
        const error: PublicError = { code: "worker_failed", message: "The inference worker died on this picture." };
        const empty = { faces: [], decodeMs: 0, times: [], traces: [] };
        this.#onOutcome(entry, { ...empty, error, internal: cause });
      },
    });
  }

  #onOutcome(entry: Entry, outcome: ItemOutcome): void {
    if (entry.cancelled) {
      this.#forget(entry);
      return;
    }
    const { error } = outcome;
    if (error && !entry.item.guest) {
      if (this.#isWorthRetrying(entry, error)) {
        this.#queue.add(entry);
        // The loop that called this may still be tidying up after the failure.
        queueMicrotask(() => this.dispatch());
        return;
      }
      if (BURIED.has(error.code)) this.#bury(entry, error, outcome);
    }
    this.#settle(entry, outcome);
  }

  #isWorthRetrying({ attempts, item }: Entry, { code }: PublicError): boolean {
    return WORTH_RETRYING.has(code) && attempts < this.#options.maxAttempts && Date.now() < item.deadline;
  }

  #fail(entry: Entry, error: PublicError): void {
    this.#settle(entry, { faces: [], decodeMs: 0, times: [], traces: [], error });
  }

  #settle(entry: Entry, outcome: ItemOutcome): void {
    this.#forget(entry);
    const { queuedAt, startedAt, attempts, item } = entry;
    item.settle({ outcome, queuedAt, startedAt, attempts });
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.item.id);
    entry.ended();
  }

  #bury({ item, key, attempts }: Entry, cause: PublicError, outcome: ItemOutcome): void {
    const letter = itemLetter(item, key, attempts, cause, outcome);
    // The item is answered either way; a store that is down says so itself.
    void Promise.resolve(this.#options.deadLetters.record(letter)).catch(() => undefined);
  }
}

const LATE: PublicError = { code: "deadline_exceeded", message: "The deadline passed while the picture waited." };

function isLate({ item }: Entry): boolean {
  return Date.now() > item.deadline;
}

/** Frames lie in memory that is there anyway, but for those of another process. */
function bytesOf({ input, guest }: ScheduledItem): number {
  if (input.type === "file") return input.bytes.byteLength;
  return guest ? input.pixels.buffer.byteLength : 0;
}
