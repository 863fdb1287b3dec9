/** The test's side of the probe stage: sees which items it holds and lets them go. */

/** One channel to all probes that name it. */
export class ProbeChannel implements Disposable {
  readonly name = `probe-${crypto.randomUUID()}`;
  readonly #channel = new BroadcastChannel(this.name);
  readonly #held: string[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor() {
    this.#channel.onmessage = (event: MessageEvent) => {
      this.#held.push(String(event.data));
      for (const wake of this.#waiting.splice(0)) wake();
    };
  }

  /** Names of the items that were held so far, in order. */
  get held(): readonly string[] {
    return this.#held;
  }

  /** Resolves when `count` items have been held since the beginning. */
  async holds(count: number): Promise<void> {
    while (this.#held.length < count) await new Promise<void>((wake) => this.#waiting.push(wake));
  }

  /** Lets one item go on. */
  release(item: string): void {
    this.#channel.postMessage(`go ${item}`);
  }

  /** Lets all that are held now go on. */
  releaseAll(): void {
    this.#channel.postMessage("go all");
  }

  [Symbol.dispose](): void {
    this.releaseAll();
    this.#channel.close();
  }
}
