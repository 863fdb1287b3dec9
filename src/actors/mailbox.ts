/** Messages that wait for an actor: never more than its capacity. */
import { Fifo } from "../bus/fifo.ts";
import type { OverflowRule } from "./actor.ts";

/** A sender that waits for room. */
interface Blocked<T> {
  readonly item: T;
  /** Ends the wait: with `true` when the item was taken. */
  readonly end: (taken: boolean) => void;
}

/** What a mailbox needs to know of its items. */
export interface MailboxHost<T> {
  /** Whether nobody wants the item any more, so that it makes room first. */
  isOver(item: T): boolean;
  /** The item was taken in. */
  admitted(item: T): void;
  /** The item was taken out to make room: because it is over, or by `drop-oldest`. */
  evicted(item: T): void;
}

/** A bounded queue with an overflow rule. */
export class Mailbox<T> {
  readonly #capacity: number;
  readonly #rule: OverflowRule;
  readonly #host: MailboxHost<T>;
  readonly #items = new Fifo<T>();
  #blocked: Fifo<Blocked<T>> | undefined;

  constructor(capacity: number, rule: OverflowRule, host: MailboxHost<T>) {
    this.#capacity = capacity;
    this.#rule = rule;
    this.#host = host;
  }

  /** Items that were taken; blocked senders are not counted. */
  get length(): number {
    return this.#items.length;
  }

  /**
   * Takes an item: `true`, `false` when the rule refuses it, or, under `block`, a promise that resolves with `true` once there
   * is room and with `false` when the item was removed before.
   */
  offer(item: T): boolean | Promise<boolean> {
    if (this.#items.length >= this.#capacity) this.#makeRoom();
    if (this.#items.length < this.#capacity) {
      this.#items.push(item);
      this.#host.admitted(item);
      return true;
    }
    if (this.#rule !== "block") return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#blocked ??= new Fifo();
    this.#blocked.push({ item, end: resolve });
    return promise;
  }

  /** Takes out the item that waited longest, and lets the first blocked sender in. */
  take(): T | undefined {
    const item = this.#items.shift();
    this.#admit();
    return item;
  }

  /** Takes a certain item out, or turns its blocked sender away. Returns whether it was there. */
  remove(item: T): boolean {
    if (this.#items.extract((one) => one === item).length > 0) {
      this.#admit();
      return true;
    }
    const blocked = this.#blocked?.extract((one) => one.item === item) ?? [];
    for (const one of blocked) one.end(false);
    return blocked.length > 0;
  }

  /** Empties the mailbox and turns blocked senders away. Returns the items that had been taken. */
  clear(): T[] {
    for (let one = this.#blocked?.shift(); one; one = this.#blocked?.shift()) one.end(false);
    return this.#items.extract(() => true);
  }

  #makeRoom(): void {
    const over = this.#items.extract((item) => this.#host.isOver(item));
    for (const item of over) this.#host.evicted(item);
    if (over.length === 0 && this.#rule === "drop-oldest") this.#host.evicted(this.#items.shift() as T);
    this.#admit();
  }

  #admit(): void {
    while (this.#blocked?.length && this.#items.length < this.#capacity) {
      const next = this.#blocked.shift() as Blocked<T>;
      this.#items.push(next.item);
      this.#host.admitted(next.item);
      next.end(true);
    }
  }
}
