/** A connection that takes as much as the test lets it, and keeps what it was sent. */
import type { Outlet } from "../../src/events/outbox.ts";
import { eventually } from "../support/settle.ts";

/** A message as JSON. */
export type Message = { readonly type: string; readonly id?: string } & Readonly<Record<string, unknown>>;

/** See the file's head. Takes everything at once until `stall` is called. */
export class TestOutlet implements Outlet {
  readonly messages: Message[] = [];
  ended: { readonly code: number; readonly reason: string } | undefined;
  #stalled = false;
  #waiting = 0;
  /** The most that ever waited, in bytes. */
  mostWaiting = 0;
  /** To be called after something was taken. */
  onDrain: () => void = () => {};

  get waiting(): number {
    return this.#waiting;
  }

  /** Ids of the events so far. */
  get ids(): readonly number[] {
    return this.messages.flatMap(({ id }) => (id === undefined ? [] : Number(id)));
  }

  send(text: string): void {
    this.messages.push(JSON.parse(text));
    if (!this.#stalled) return;
    this.#waiting += Buffer.byteLength(text);
    this.mostWaiting = Math.max(this.mostWaiting, this.#waiting);
  }

  together(action: () => void): void {
    action();
  }

  close(code: number, reason: string): void {
    this.ended = { code, reason };
  }

  /** From now on what is sent waits. */
  stall(): void {
    this.#stalled = true;
  }

  /** Takes this many bytes of what waits; all and what follows when absent. */
  take(bytes?: number): void {
    if (bytes === undefined) this.#stalled = false;
    this.#waiting = Math.max(0, this.#waiting - (bytes ?? this.#waiting));
    this.onDrain();
  }

  /** Resolves when this many messages, or one of this type, have come. */
  async has(what: number | string): Promise<void> {
    const there = () =>
      typeof what === "number" ? this.messages.length >= what : this.messages.some(({ type }) => type === what);
    await eventually(there, `${what} among ${this.messages.length} messages`);
  }
}
