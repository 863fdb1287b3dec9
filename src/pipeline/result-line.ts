/** Results of work that is begun one piece after the other, handed out in that order, each as soon as it is there. */

/** One piece of work. */
interface Begun<R> {
  readonly result: Promise<R>;
  /** Once it is done. */
  done: R | undefined;
}

/** See the file's head. One side begins work and ends the line, the other takes the results. */
export class ResultLine<R> {
  readonly #window: number;
  /** What has not been handed out, in order. */
  #begun: Begun<R>[] = [];
  #ended: { readonly failure?: { readonly thrown: unknown } } | undefined;
  /** Wakes who waits for news: the taker for work or the end, the other side for room. */
  #wake: () => void = () => {};

  /** `window`: pieces that may be begun and not handed out. */
  constructor(window: number) {
    this.#window = window;
  }

  /** Resolves when another piece may be begun; false when nobody takes results any more. */
  async room(): Promise<boolean> {
    while (!this.#ended && this.#begun.length >= this.#window) await this.#news();
    return !this.#ended;
  }

  /** Takes a piece that was begun. */
  add(result: Promise<R>): void {
    const begun: Begun<R> = { result, done: undefined };
    result.then(
      (done) => {
        begun.done = done;
      },
      // Told to the taker when its turn comes; until then nobody may call it unhandled.
      () => {},
    );
    this.#begun.push(begun);
    this.#wake();
  }

  /** Nothing more is begun. A failure comes after all results. Later ends say nothing. */
  end(failure?: { readonly thrown: unknown }): void {
    this.#ended ??= failure ? { failure } : {};
    this.#wake();
  }

  /** The results, once. A piece's failure ends them. */
  async *results(): AsyncGenerator<R> {
    for (;;) {
      const [first] = this.#begun;
      if (first) {
        const result = await first.result;
        this.#begun.shift();
        this.#wake();
        yield result;
      } else if (!this.#ended) await this.#news();
      else if (this.#ended.failure) throw this.#ended.failure.thrown;
      else return;
    }
  }

  /** What has not been handed out, in order; undefined for what is not done. */
  waiting(): readonly (R | undefined)[] {
    return this.#begun.map(({ done }) => done);
  }

  /** Only one side ever waits: a full line has work to take, an empty one has room. */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
