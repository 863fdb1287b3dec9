/** Connections to PostgreSQL as kysely takes them: failures are coded, and none of them hangs or ends the process. */
import type { PostgresPool, PostgresPoolClient } from "kysely";
import { type ClientConfig, Pool, type PoolClient, type QueryResult } from "pg";
import { endsConnection, isConflict, postgresError, READ_ONLY, unavailable } from "./postgres-errors.ts";
import { PostgresWatch, processIdOf } from "./postgres-watch.ts";
import { storable } from "./storable.ts";

/** Milliseconds an unused connection is kept: over the pauses of ordinary traffic. */
const IDLE_MS = 60_000;
/** Milliseconds that closing waits for statements under way. */
const CLOSE_MS = 2_000;
/** Tries of a statement that stands alone and was in another's way. */
const TRIES = 4;

/** A pool of at most `max` connections. */
export class StorePool implements PostgresPool {
  /** Of what kysely makes connections of itself with, which it is not asked to. */
  readonly options = {};
  readonly #pool: Pool;
  readonly #watch: PostgresWatch;

  constructor(config: ClientConfig, max: number) {
    this.#watch = new PostgresWatch(config);
    this.#pool = new Pool({ ...config, max, idleTimeoutMillis: IDLE_MS });
    // Both say what the next statement finds out; unheard they would end the process.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  async connect(): Promise<PostgresPoolClient> {
    const began = performance.now();
    try {
      this.#watch.refuseWhileAway();
      return new StoreClient(await this.#pool.connect(), this.#watch) as unknown as PostgresPoolClient;
    } catch (error) {
      this.#watch.noteFailure(error, began);
      throw postgresError(error);
    }
  }

  /** Resolves when a connection of its own can read and may write. Waits for none of the pool. */
  async probe(): Promise<void> {
    const readOnly = await this.#watch
      .ask(async (client) => {
        await client.query("select 1 from tokens limit 1");
        const { rows } = await client.query<{ setting: string }>(
          "select current_setting('transaction_read_only') as setting",
        );
        return rows[0]?.setting === "on";
      })
      .catch((error) => {
        throw postgresError(error);
      });
    if (readOnly) throw unavailable(READ_ONLY);
  }

  async end(): Promise<void> {
    this.#watch.close();
    const ended = this.#pool.end();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([ended, late]).finally(() => clearTimeout(timer));
  }
}

/** A connection for one user. kysely begins and ends transactions by the plain words. */
class StoreClient {
  readonly #client: PoolClient;
  readonly #watch: PostgresWatch;
  #inTransaction = false;
  #broken = false;

  constructor(client: PoolClient, watch: PostgresWatch) {
    this.#client = client;
    this.#watch = watch;
  }

  get processID(): number | undefined {
    return processIdOf(this.#client);
  }

  async query(text: string, parameters: readonly unknown[] = []): Promise<QueryResult> {
    // What is not there any more was rolled back by that.
    if (this.#broken && text === "rollback") return NOTHING;
    if (text === "begin" || text.startsWith("start transaction")) this.#inTransaction = true;
    const alone = !this.#inTransaction;
    if (text === "commit" || text === "rollback") this.#inTransaction = false;
    const values = parameters.map(storable);
    for (let left = TRIES - 1; ; left--) {
      try {
        return await this.#once(text, values);
      } catch (error) {
        if (left === 0 || !alone || !isConflict(error)) throw error;
      }
    }
  }

  release(): void {
    this.#client.release(this.#broken);
  }

  async #once(text: string, values: unknown[]): Promise<QueryResult> {
    try {
      const statement = this.#client.query(text, values);
      return await this.#watch.over(statement, this.processID, () => void this.#client.end().catch(() => undefined));
    } catch (error) {
      if (endsConnection(error)) this.#broken = true;
      throw postgresError(error);
    }
  }
}

const NOTHING: QueryResult = { command: "ROLLBACK", rows: [], rowCount: 0, oid: 0, fields: [] };
