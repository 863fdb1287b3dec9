/** A process of the benchmark that answers one order at a time. */
import type { Subprocess } from "bun";

/** Characters of a process's standard error that are kept for the message when it ends. */
const KEPT_WORDS = 4096;

/** See the file's head. `Answers` names what each type of message carries. */
export class Child<Order extends { readonly type: string }, Answers extends object> {
  readonly #process: Subprocess;
  #waiting: { type: unknown; resolve(message: never): void; reject(error: Error): void } | undefined;

  /** End of what it wrote to standard error. */
  #lastWords = "";

  private constructor(command: readonly string[], env: Readonly<Record<string, string>>) {
    this.#process = Bun.spawn([...command], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
      serialization: "advanced",
      ipc: (message: { readonly type: string }) => {
        if (this.#waiting?.type !== message.type) return;
        this.#waiting.resolve(message as never);
        this.#waiting = undefined;
      },
      onExit: (child) => {
        const words = this.#lastWords.trim().split("\n").slice(-5).join("\n");
        this.#waiting?.reject(new Error(`a process of the benchmark ended with ${child.exitCode}: ${words}`));
      },
    });
    void this.#listen(this.#process.stderr as ReadableStream<Uint8Array>);
  }

  /** Starts a TypeScript file under this runtime; resolves with its `ready` message. */
  static async start<O extends { readonly type: string }, A extends { readonly ready: object }>(
    file: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly child: Child<O, A>; readonly ready: A["ready"] }> {
    const child = new Child<O, A>([process.execPath, file], env);
    return { child, ready: await child.#answer<"ready">("ready") };
  }

  /** Of the process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Sends an order and resolves with its answer; rejects when the process ends instead. */
  ask<T extends Order["type"] & keyof Answers>(order: Extract<Order, { type: T }>): Promise<Answers[T]> {
    const answer = this.#answer<T>(order.type);
    this.#process.send(order);
    return answer;
  }

  /** Ends it. */
  async end(): Promise<void> {
    this.#process.kill();
    await this.#process.exited;
  }

  /** A server logs every request: what nobody reads would fill the pipe and hold it up. */
  async #listen(stderr: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stderr) this.#lastWords = (this.#lastWords + decoder.decode(chunk)).slice(-KEPT_WORDS);
  }

  #answer<T extends keyof Answers>(type: T | string): Promise<Answers[T]> {
    return new Promise((resolve, reject) => {
      this.#waiting = { type, resolve, reject };
    });
  }
}
