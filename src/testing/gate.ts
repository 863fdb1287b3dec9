/** Holds scripted models until a test has seen what it wants to see: the opposite of waiting for a while and hoping. */
import type { GateMessage } from "../inference/scripted/gate.ts";
import { PATIENCE_MS, within } from "./patience.ts";

interface Waiter {
  readonly id: string;
  readonly picture: string;
}

/** See the file's head. Made by {@link gate}. */
export class Gate implements Disposable {
  /** Name by which scripted models find it. */
  readonly channel = `facewire-gate-${crypto.randomUUID()}`;
  readonly #channel = new BroadcastChannel(this.channel);
  readonly #waiting: Waiter[] = [];
  readonly #came: string[] = [];
  #wake = Promise.withResolvers<void>();
  #isOpen = false;

  constructor() {
    this.#channel.onmessage = (event: MessageEvent<GateMessage>) => this.#onMessage(event.data);
    // A test that forgets a gate still ends.
    (this.#channel as BroadcastChannel & { unref(): void }).unref();
  }

  /** Names of the pictures that wait now, in the order they came. */
  get waiting(): readonly string[] {
    return this.#waiting.map(({ picture }) => picture);
  }

  /** Resolves when `count` pictures have come to the gate since it was made; rejects after `timeoutMs` with those that did. */
  async holds(count = 1, timeoutMs = PATIENCE_MS): Promise<void> {
    const late = () =>
      `${this.#came.length} of ${count} pictures came to the gate: ${this.#came.join(", ") || "none"}.`;
    const came = async () => {
      while (this.#came.length < count) await this.#wake.promise;
    };
    await within(timeoutMs, came(), late);
  }

  /** Lets the first `count` of those that wait go on. */
  pass(count = 1): void {
    for (const { id } of this.#waiting.splice(0, count)) this.#go(id);
  }

  /** Lets all go on that wait, and all that come. */
  open(): void {
    this.#isOpen = true;
    this.pass(Number.POSITIVE_INFINITY);
  }

  /** Holds those that come from now on. */
  close(): void {
    this.#isOpen = false;
  }

  /** Opens it for good. */
  [Symbol.dispose](): void {
    this.open();
  }

  #onMessage(message: GateMessage): void {
    if (message.type !== "wait") return;
    this.#came.push(message.picture);
    if (this.#isOpen) this.#go(message.id);
    else this.#waiting.push(message);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  #go(id: string): void {
    this.#channel.postMessage({ type: "go", id } satisfies GateMessage);
  }
}

/** A closed gate. Put it into a script with `heldAt(gate, …)`. */
export function gate(): Gate {
  return new Gate();
}
