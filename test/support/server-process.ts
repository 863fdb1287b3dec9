/** `facewire serve` as a child process, as people run it. */
import { readdir, readFile } from "node:fs/promises";
import { ApiClient } from "./api-client.ts";
import { spawnFacewire } from "./cli.ts";
import type { Home } from "./test-server.ts";

/** A server that is ready. */
export interface ServerProcess extends AsyncDisposable {
  readonly client: ApiClient;
  readonly pid: number;
  /** Everything it wrote to standard output and standard error so far. */
  readonly output: () => string;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code, or that of the signal that ended it; everything was written by then. */
  readonly ended: Promise<number>;
}

/** Starts it and waits until it says where it listens. Rejects with what it wrote when it ends before. */
export async function serve(home: Home, env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const child = spawnFacewire(["serve"], { env: { ...home.env, ...env } });
  let stdout = "";
  let stderr = "";
  const listening = Promise.withResolvers<string>();
  const drains = [
    drain(child.stdout, (text) => {
      stdout += text;
      const url = /^Facewire listens on (\S+)$/m.exec(stdout)?.[1];
      if (url) listening.resolve(url);
    }),
    drain(child.stderr, (text) => {
      stderr += text;
    }),
  ];
  const ended = Promise.all([child.exited, ...drains]).then(([code]) => code);
  const url = await Promise.race([
    listening.promise,
    ended.then((code) => {
      throw new Error(`The server ended with ${code}: ${stderr}`);
    }),
  ]);
  return {
    client: new ApiClient(url),
    pid: child.pid,
    output: () => stdout + stderr,
    kill: (signal) => child.kill(signal),
    ended,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Processes that were started with the settings of this home and still run. */
export async function processesOf(home: Home): Promise<readonly number[]> {
  const found: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const environment = await readFile(`/proc/${entry}/environ`, "latin1").catch(() => "");
    if (environment.includes(`FACEWIRE_DATA_DIR=${home.dataDir}\0`)) found.push(Number(entry));
  }
  return found;
}

async function drain(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
}
