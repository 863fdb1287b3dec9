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

/** A process without an API. */
export type NodeProcess = Omit<ServerProcess, "client">;

/** Starts it and waits until it says where it listens. Rejects with what it wrote when it ends before. */
export async function serve(home: Home, env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const { said, process } = await start(["serve"], { ...home.env, ...env }, /^Facewire listens on (\S+)$/m);
  return { ...process, client: new ApiClient(said) };
}

/** Starts a process that runs stages of groups for others, and waits until it does. Rejects as {@link serve}. */
export async function serveGroups(
  home: Home,
  groups: string,
  env: Readonly<Record<string, string>> = {},
): Promise<NodeProcess> {
  const words = ["serve", "--roles", "inference", "--groups", groups];
  return (await start(words, { ...home.env, ...env }, /^Facewire runs stages of (.+)$/m)).process;
}

async function start(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  ready: RegExp,
): Promise<{ readonly said: string; readonly process: NodeProcess }> {
  const child = spawnFacewire(words, { env });
  let stdout = "";
  let stderr = "";
  const started = Promise.withResolvers<string>();
  const drains = [
    drain(child.stdout, (text) => {
      stdout += text;
      const said = ready.exec(stdout)?.[1];
      if (said) started.resolve(said);
    }),
    drain(child.stderr, (text) => {
      stderr += text;
    }),
  ];
  const ended = Promise.all([child.exited, ...drains]).then(([code]) => code);
  const said = await Promise.race([
    started.promise,
    ended.then((code) => {
      throw new Error(`The server ended with ${code}: ${stderr}`);
    }),
  ]);
  const process = {
    pid: child.pid,
    output: () => stdout + stderr,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    ended,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
    },
  };
  return { said, process };
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
