/** A real nats-server on a free port of the loopback, which tests kill, freeze and start again. */
import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { NATS_SERVER } from "../../scripts/verify/tools.ts";
import { findSystemTool } from "../../src/cli/system-packages.ts";
import { freePort } from "./free-port.ts";
import { temporaryFolder } from "./temp-folder.ts";
import { hasTool } from "./tools.ts";

/** How a server is started. Everything has a default. */
export interface NatsServerOptions {
  /** Whether it stores work; it does by default. */
  readonly jetstream?: boolean;
  /** A free one by default. */
  readonly port?: number;
  /** Folder of stored work; a temporary one by default. */
  readonly storeDir?: string;
  /** Largest message in bytes; 1 MiB by default. */
  readonly maxPayload?: number;
  /** Bytes of stored work it has room for; the disk's by default. */
  readonly maxStore?: number;
  /** Token it asks for; none by default. */
  readonly token?: string;
  /** Subjects that user `u` with password `p` may use, and no others; without it everybody may use all. */
  readonly allowed?: readonly string[];
}

/** A server that accepts connections. */
export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Port of its monitoring. */
  readonly monitoringPort: number;
  readonly storeDir: string;
  /** Of its process; undefined while it does not run. */
  readonly pid: number | undefined;
  /** What its monitoring says at a path such as `/connz?subs=1`. */
  monitoring<T>(path: string): Promise<T>;
  /** Ends it in good order; `start` starts it again. */
  stop(): Promise<void>;
  /** Ends it as a crash would (SIGKILL). */
  kill(): Promise<void>;
  /** Starts it again on the same ports and the same store; resolves when it accepts connections. */
  start(): Promise<void>;
  /** `kill`, if it runs, and `start`. */
  restart(): Promise<void>;
  /** Lets it stand still with its connections open (SIGSTOP; resolves when it does), and go on (SIGCONT). */
  freeze(): Promise<void>;
  thaw(): void;
}

/**
 * Whether there is a nats-server, so that tests can say `describe.skipIf(!hasNatsServer())`. Where there must be one
 * (`CI=true`) its absence is an error; elsewhere it is told in one line, once.
 */
export function hasNatsServer(): boolean {
  return hasTool(NATS_SERVER);
}

/** Starts a server; resolves when it accepts connections. It ends with this process, however that ends. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const program = findSystemTool(NATS_SERVER);
  if (program === undefined) throw new Error("There is no nats-server.");
  const storeDir = options.storeDir ?? temporaryFolder("facewire-nats-");
  const port = options.port ?? (await freePort());
  const monitoringPort = await freePort();
  const config = join(temporaryFolder("facewire-nats-config-"), "nats.conf");
  writeFileSync(config, configText({ ...options, storeDir, port }, monitoringPort));
  const command = [...tiedToThisProcess(), program, "--config", config];

  let child: Bun.Subprocess | undefined;
  let said: Promise<string> = Promise.resolve("");

  async function start(): Promise<void> {
    const started = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    child = started;
    said = new Response(started.stderr).text();
    while (!(await accepts(port)) || !(await accepts(monitoringPort))) {
      if (started.exitCode !== null || started.signalCode !== null) {
        throw new Error(`nats-server ended: ${await said}`);
      }
      await Bun.sleep(5);
    }
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    // A stopped process takes no signal but these two.
    child?.kill("SIGCONT");
    child?.kill(signal);
    await child?.exited;
    await said;
    child = undefined;
  }
  await start();

  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    monitoringPort,
    storeDir,
    get pid() {
      return child?.pid;
    },
    monitoring: async <T>(path: string) =>
      (await (await fetch(`http://127.0.0.1:${monitoringPort}${path}`)).json()) as T,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    start,
    restart: async () => {
      await end("SIGKILL");
      await start();
    },
    freeze: async () => {
      child?.kill("SIGSTOP");
      while (child && !(await standsStill(child.pid))) await Bun.sleep(1);
    },
    thaw: () => child?.kill("SIGCONT"),
    [Symbol.asyncDispose]: () => end("SIGKILL"),
  };
}

function configText(options: NatsServerOptions & { storeDir: string; port: number }, monitoringPort: number): string {
  const lines = [
    `listen: "127.0.0.1:${options.port}"`,
    `http: "127.0.0.1:${monitoringPort}"`,
    `max_payload: ${options.maxPayload ?? 1024 * 1024}`,
    // Clients are let go at once, where a server in use would give them time to move.
    'lame_duck_grace_period: "1ms"',
    'lame_duck_duration: "30s"',
  ];
  if (options.jetstream !== false) {
    const room = options.maxStore === undefined ? "" : `, max_file_store: ${options.maxStore}`;
    lines.push(`jetstream { store_dir: ${JSON.stringify(options.storeDir)}${room} }`);
  }
  if (options.allowed !== undefined) {
    const subjects = JSON.stringify(options.allowed);
    const permissions = `{ publish: ${subjects}, subscribe: ${subjects} }`;
    lines.push(`authorization { users: [{ user: "u", password: "p", permissions: ${permissions} }] }`);
  }
  if (options.token !== undefined) lines.push(`authorization { token: ${JSON.stringify(options.token)} }`);
  return `${lines.join("\n")}\n`;
}

/** What a command is begun with so that the kernel ends it with this process, also when that crashes. */
function tiedToThisProcess(): readonly string[] {
  const setpriv = Bun.which("setpriv");
  return setpriv === null ? [] : [setpriv, "--pdeathsig", "KILL"];
}

/** Whether a process takes no part in anything: the signal alone may be a moment ahead of that. */
async function standsStill(pid: number): Promise<boolean> {
  return /^State:\s*T/m.test(await readFile(`/proc/${pid}/status`, "utf8"));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
