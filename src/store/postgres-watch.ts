/**
 * Looks after statements that take long. A server that has gone without a word (power, network, a process that stands still)
 * sends nothing, and the system would wait for it for many minutes. So a second connection asks it.
 */
import { Client, type ClientConfig } from "pg";
import { isAway } from "./postgres-errors.ts";

/** What the server says: which of its processes run a statement for us now. */
interface Sight {
  /** Process ids, or undefined where they mean nothing: something stands between the server and us. */
  readonly active: ReadonlySet<number> | undefined;
}

/** Milliseconds until the server is asked about a statement, and between two times. */
const PATIENCE_MS = 800;
/** Milliseconds it has to answer. */
const ANSWER_MS = 1_500;
/** Milliseconds between an answer that did not come and the next question, while the server is away. */
const ASK_AGAIN_MS = 500;
/** A failure that took as many milliseconds was a wait for nothing. */
const LONG_MS = 300;

/** See the file's head. */
export class PostgresWatch {
  readonly #config: ClientConfig;
  #looking: Promise<Sight> | undefined;
  /** Why the server is taken to be away, until it answers. */
  #away: { readonly error: unknown } | undefined;
  #asking: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(config: ClientConfig) {
    this.#config = {
      ...config,
      connectionTimeoutMillis: Math.min(ANSWER_MS, config.connectionTimeoutMillis ?? ANSWER_MS),
    };
  }

  /** Waits for a statement of a process of the server; ends its connection when that process cannot be working on it. */
  async over<T>(statement: Promise<T>, processId: number | undefined, endConnection: () => void): Promise<T> {
    let settled = false;
    let missed = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      const sight = await this.#look().catch(() => undefined);
      if (settled) return;
      const works = sight && (sight.active === undefined || processId === undefined || sight.active.has(processId));
      missed = works ? 0 : missed + 1;
      // One that has just ended its work may have its answer on the way.
      if (sight === undefined || missed > 1) endConnection();
      else timer = setTimeout(look, PATIENCE_MS);
    };
    timer = setTimeout(look, PATIENCE_MS);
    try {
      return await statement;
    } finally {
      settled = true;
      clearTimeout(timer);
    }
  }

  /** Asks on a connection of its own. Rejects when there is no answer in time, and at once while the server is away. */
  async ask<T>(question: (client: Client) => Promise<T>): Promise<T> {
    this.refuseWhileAway();
    return this.#ask(question);
  }

  /**
   * Throws while the server is away and was long in saying nothing: it is asked in the background, so that nobody waits for
   * an answer that does not come.
   */
  refuseWhileAway(): void {
    if (this.#away) throw this.#away.error;
  }

  /** Remembers that something failed, where it was long in doing so and for that the server is away. `began`: ms. */
  noteFailure(error: unknown, began: number): void {
    if (this.#closed || !isAway(error) || performance.now() - began < LONG_MS) return;
    this.#away = { error };
    this.#askAgain();
  }

  /** Nothing is asked in the background any more. */
  close(): void {
    this.#closed = true;
    this.#away = undefined;
    clearTimeout(this.#asking);
  }

  /** Asks a while later, and again until there is an answer, whatever it says. */
  #askAgain(): void {
    this.#asking ??= setTimeout(async () => {
      await this.#ask((client) => client.query("select 1")).catch(() => undefined);
      this.#asking = undefined;
      if (this.#away) this.#askAgain();
    }, ASK_AGAIN_MS);
    this.#asking.unref();
  }

  async #ask<T>(question: (client: Client) => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      const answer = await answered(this.#config, question);
      this.#away = undefined;
      return answer;
    } catch (error) {
      // Who refuses is there.
      if (!isAway(error)) this.#away = undefined;
      else this.noteFailure(error, began);
      throw error;
    }
  }

  #look(): Promise<Sight> {
    // All who wait meanwhile share the answer.
    this.#looking ??= this.#ask(async (client) => {
      const { rows } = await client.query<{ pid: number; state: string; own: boolean }>(
        "select pid, state, pid = pg_backend_pid() as own from pg_stat_activity where usename = current_user",
      );
      const direct = rows.some(({ pid, own }) => own && pid === processIdOf(client));
      const active = rows.flatMap(({ pid, state }) => (state.startsWith("idle") ? [] : [pid]));
      return { active: direct ? new Set(active) : undefined };
    }).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }
}

/** The server's process behind a client. The driver has it without saying so. */
export function processIdOf(client: object): number | undefined {
  const { processID } = client as { readonly processID?: number | null };
  return processID ?? undefined;
}

async function answered<T>(config: ClientConfig, question: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(config);
  // It would end the process where nobody listens; the question is rejected as well.
  client.on("error", () => {});
  const timer = setTimeout(() => void client.end().catch(() => undefined), ANSWER_MS);
  try {
    await client.connect();
    return await question(client);
  } finally {
    clearTimeout(timer);
    void client.end().catch(() => undefined);
  }
}
