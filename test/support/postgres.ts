/**
 * Real PostgreSQL for tests. `postgresDatabase()` gives an empty database on a server that all tests of a process share;
 * `startPostgres()` starts one of the test's own, which it may stop, kill, freeze and start again.
 */
import { chownSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Client } from "pg";
import { POSTGRES } from "../../scripts/verify/tools.ts";
import { findSystemTool } from "../../src/cli/system-packages.ts";
import { atEnd } from "./at-end.ts";
import { freePort } from "./free-port.ts";
import { temporaryFolder } from "./temp-folder.ts";
import { hasTool } from "./tools.ts";

/** How a server is started. Everything has a default. */
export interface PostgresOptions {
  /** Whether a commit waits for the disk. Only tests of crashes need that; not by default. */
  readonly durable?: boolean;
  /** Its configuration, such as `max_connections`. */
  readonly config?: Readonly<Record<string, string | number>>;
  /** Whether it takes TLS as well, with a certificate that it made for 127.0.0.1 and signed itself. */
  readonly tls?: boolean;
  /** Folder of its data, made if need be; a temporary one by default. It becomes the property of the server's user. */
  readonly folder?: string;
}

/** An empty database. */
export interface PostgresDatabase {
  readonly name: string;
  /** As `database.url` takes it; its user owns the database and is no superuser. */
  readonly url: string;
  /** Deletes it, whoever is connected. */
  remove(): Promise<void>;
}

/** A server that accepts connections. */
export interface PostgresServer extends AsyncDisposable {
  readonly port: number;
  /** The password of the user whose URLs databases have, as it is before it is encoded for them. */
  readonly password: string;
  /** Path of its certificate; of nothing without `tls`. */
  readonly certificate: string;
  database(): Promise<PostgresDatabase>;
  /** Runs SQL as the superuser, in the database of that name or in one that is always there. */
  admin<Row extends object>(sql: string, database?: string): Promise<Row[]>;
  /** Ends it in good order, connections and all (SIGINT); `start` starts it again. */
  stop(): Promise<void>;
  /** Ends all of its processes as a crash of the machine would (SIGKILL). */
  kill(): Promise<void>;
  /** Starts it again on the same port and the same data; resolves when it answers. */
  start(): Promise<void>;
  /** Lets all of its processes stand still with their connections open (SIGSTOP), and go on (SIGCONT). */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
}

/** Number of the user that servers run as where this process is root, which PostgreSQL refuses: nobody, of every system. */
const NOBODY = 65_534;
const SUPERUSER = "admin";
const USER = "facewire";
/** Has what URLs encode, so that a password that is shown in either form is found. */
const PASSWORD = "s3cr:t/p@ss";
/** Ends it at once and lets it tidy up its shared memory, which SIGKILL would not. */
const DEATH_SIGNAL = "QUIT";
const FAST = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };

/**
 * Whether there is PostgreSQL, so that tests can say `describe.skipIf(!hasPostgres())`. Where there must be one
 * (`CI=true`) its absence is an error; elsewhere it is told in one line, once.
 */
export function hasPostgres(): boolean {
  return hasTool(POSTGRES);
}

let shared: Promise<PostgresServer> | undefined;

/** An empty database on the server that all tests of this process share; it is gone when they are. */
export async function postgresDatabase(): Promise<PostgresDatabase> {
  shared ??= startPostgres().then((server) => {
    atEnd(async () => {
      shared = undefined;
      await server[Symbol.asyncDispose]();
    });
    return server;
  });
  return (await shared).database();
}

/** Makes a cluster and starts it; resolves when it answers. It ends with this process, however that ends. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const program = findSystemTool(POSTGRES);
  if (program === undefined) throw new Error("There is no PostgreSQL.");
  const programs = dirname(realpathSync(program));
  const folder = options.folder ?? temporaryFolder("facewire-postgres-");
  const data = join(folder, "data");
  const passwords = join(folder, "superuser");
  writeFileSync(passwords, PASSWORD, { mode: 0o600 });
  if (isRoot()) for (const path of [folder, passwords]) chownSync(path, postgresUser(), postgresUser());
  await run([
    join(programs, "initdb"),
    ...["--pgdata", data, "--username", SUPERUSER, "--pwfile", passwords, "--auth", "scram-sha-256"],
    ...["--encoding", "UTF8", "--locale", "C", "--no-sync"],
  ]);
  const port = await freePort();
  const certificate = join(folder, "server.crt");
  const config = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    shared_memory_type: "mmap",
    dynamic_shared_memory_type: "mmap",
    ...(options.durable ? {} : FAST),
    ...(options.tls ? await tlsConfig(folder, certificate) : {}),
    ...options.config,
  };
  const words = Object.entries(config).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const command = [...asServerUser(true), join(programs, "postgres"), "-D", data, ...words];

  let child: Bun.Subprocess<"ignore", "ignore", "pipe"> | undefined;
  let said: Promise<string> = Promise.resolve("");
  let databases = 0;

  async function start(): Promise<void> {
    for (;;) {
      const started = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe", cwd: "/" });
      child = started;
      said = new Response(started.stderr).text();
      while (started.exitCode === null && started.signalCode === null) {
        if (await answers()) return;
        await Bun.sleep(10);
      }
      // Processes of the one before it may still be on their way out.
      if (!(await said).includes("still in use")) throw new Error(`postgres ended: ${await said}`);
      await Bun.sleep(10);
    }
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    child = undefined;
    if (!ending) return;
    const all = signal === "SIGKILL" ? await processes(ending.pid) : [];
    // A stopped process takes no signal but these two.
    for (const pid of await processes(ending.pid)) send(pid, "SIGCONT");
    ending.kill(signal);
    for (const pid of all) send(pid, signal);
    await ending.exited;
    await said;
  }
  async function answers(): Promise<boolean> {
    return admin("select 1").then(
      () => true,
      () => false,
    );
  }
  async function admin<Row extends object>(sql: string, database = "postgres"): Promise<Row[]> {
    const client = new Client({ host: "127.0.0.1", port, user: SUPERUSER, password: PASSWORD, database });
    client.on("error", () => {});
    try {
      await client.connect();
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  await start();
  await admin(`create role ${USER} login password '${PASSWORD}'`);

  return {
    port,
    password: PASSWORD,
    certificate,
    admin,
    async database() {
      const name = `test_${databases++}`;
      // Sorts as people do, and so as no program expects: what has to be in the order of its bytes must say so.
      await admin(
        `create database ${name} owner ${USER} template template0 encoding 'UTF8' locale 'C' locale_provider icu icu_locale 'en-US'`,
      );
      return {
        name,
        url: `postgresql://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${name}`,
        remove: async () => void (await admin(`drop database if exists ${name} with (force)`)),
      };
    },
    stop: () => end("SIGINT"),
    kill: () => end("SIGKILL"),
    start,
    async freeze() {
      // Its parent first, so that it starts no others.
      for (const pid of await processes(child?.pid)) send(pid, "SIGSTOP");
      for (const pid of await processes(child?.pid)) while (!(await standsStill(pid))) await Bun.sleep(1);
    },
    async thaw() {
      for (const pid of await processes(child?.pid)) send(pid, "SIGCONT");
    },
    [Symbol.asyncDispose]: () => end("SIGQUIT"),
  };
}

/** Debian's PostgreSQL brings openssl along. */
async function tlsConfig(folder: string, certificate: string): Promise<Readonly<Record<string, string>>> {
  const key = join(folder, "server.key");
  await run([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"],
    ...["-days", "2", "-subj", "/CN=a test", "-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-keyout", key, "-out", certificate],
  ]);
  return { ssl: "on", ssl_cert_file: certificate, ssl_key_file: key };
}

/** What a program is begun with, so that it is not root and, where it is to be `tied`, ends with this process. */
function asServerUser(tied: boolean): readonly string[] {
  const setpriv = Bun.which("setpriv");
  if (setpriv === null) {
    if (isRoot()) throw new Error("PostgreSQL does not run as root, and there is no setpriv.");
    return [];
  }
  const ending = tied ? ["--pdeathsig", DEATH_SIGNAL] : [];
  if (!isRoot()) return [setpriv, ...ending, "--"];
  // Root of a namespace in which there is nobody else is called somebody else in one more.
  if (postgresUser() !== NOBODY) {
    const renamed = ["unshare", "--user", `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, "--"];
    return [...renamed, setpriv, ...ending, "--"];
  }
  return [setpriv, "--reuid", `${NOBODY}`, "--regid", `${NOBODY}`, "--clear-groups", ...ending, "--"];
}

/** Number of the user that owns what servers write, as this process has to say it where it is root. */
export function postgresUser(): number {
  return isKnown(NOBODY) ? NOBODY : 0;
}

/** Whether there is a user of this number in this process's namespace: lines have the first number, another one, and how many. */
function isKnown(user: number): boolean {
  const lines = readFileSync("/proc/self/uid_map", "utf8").trim().split("\n");
  return lines.some((line) => {
    const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return user >= first && user < first + count;
  });
}

async function run(words: readonly string[]): Promise<void> {
  const command = [...asServerUser(false), ...words];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe", cwd: "/" });
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`${words[0]} failed: ${said}`);
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** A process and its children. */
async function processes(pid: number | undefined): Promise<readonly number[]> {
  if (pid === undefined) return [];
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return [pid, ...children.split(" ").filter(Boolean).map(Number)];
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** Whether a process takes no part in anything: the signal alone may be a moment ahead of that. */
async function standsStill(pid: number): Promise<boolean> {
  return /^State:\s*[TZX]/m.test(await readFile(`/proc/${pid}/status`, "utf8").catch(() => "State: X"));
}
