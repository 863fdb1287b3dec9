/** Runs one step of the check as a child process, its output going through as it comes. */

/** How a step ended. */
export interface StepResult {
  readonly name: string;
  readonly ok: boolean;
  /** What it wrote, when it was captured. */
  readonly output: string;
  readonly seconds: number;
}

/** A captured step keeps at most this much of the end of its output; characters. The suite's is a tenth of it. */
const KEPT_TAIL = 8 * 1024 ** 2;

/**
 * Runs a command and resolves when it ended; never rejects. `capture` keeps the end of the output besides showing it, at
 * the price of the step not seeing a terminal.
 */
export async function runStep(name: string, command: readonly string[], capture = false): Promise<StepResult> {
  console.log(`\n--- ${name}`);
  const startedAt = performance.now();
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: capture ? "pipe" : "inherit",
    stderr: capture ? "pipe" : "inherit",
    env: capture && process.stdout.isTTY ? { ...process.env, FORCE_COLOR: "1" } : process.env,
  });
  const tail = new Tail();
  await Promise.all([
    passOn(child.stdout, process.stdout, tail),
    passOn(child.stderr, process.stderr, tail),
    child.exited,
  ]);
  const seconds = (performance.now() - startedAt) / 1000;
  const ok = child.exitCode === 0;
  console.log(
    `--- ${name}: ${ok ? "ok" : `failed (exit ${child.exitCode ?? child.signalCode})`}, ${seconds.toFixed(1)} s`,
  );
  return { name, ok, output: tail.text, seconds };
}

class Tail {
  text = "";
  add(part: string): void {
    this.text = (this.text + part).slice(-KEPT_TAIL);
  }
}

async function passOn(
  source: ReadableStream<Uint8Array> | undefined,
  target: NodeJS.WriteStream,
  tail: Tail,
): Promise<void> {
  if (source === undefined) return;
  const decoder = new TextDecoder();
  for await (const part of source) {
    target.write(part);
    tail.add(decoder.decode(part, { stream: true }));
  }
}
