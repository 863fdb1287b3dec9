/**
 * kysely over bun:sqlite. Not kysely-bun-sqlite, because that one is for kysely 0.28 and begins transactions as readers:
 * when two processes then both want to write, one fails at once instead of waiting its turn.
 */

import type { Database, SQLQueryBindings } from "bun:sqlite";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { nextTurn } from "../bus/turn.ts";
import { isBusy, storeError } from "./sqlite-errors.ts";
import type { SqliteLog } from "./sqlite-log.ts";
import { storable } from "./storable.ts";

/** Milliseconds between two tries while another process writes. */
const RETRY_MS = 5;
/** Milliseconds that a query tries again behind one that waited for the same lock in vain. */
const LATER_MS = 20;
/** Milliseconds without a look at the lock after which nobody stands in line behind who looked last. */
const SAME_LINE_MS = 75;
/**
 * Milliseconds that statements may hold the thread one after the other. SQLite answers at once, so that awaiting it lets
 * nobody else have the thread: a transaction of many statements would hold it until its commit.
 */
const HOLD_MS = 10;

/** A connection. */
export interface SqliteConnection {
  /** Open; its own `busy_timeout` should be 0. */
  readonly database: Database;
  /** How long queries try again while another process writes. */
  readonly busyTimeoutMs: number;
  /** Throws what writes are refused with. */
  readonly check?: () => void;
  /** Of a database on the disk: nothing is acknowledged that it does not have there. Released when kysely is destroyed. */
  readonly log?: SqliteLog;
}

/** A dialect over one open database, which it closes when kysely is destroyed. */
export function sqliteDialect(connection: SqliteConnection): Dialect {
  return {
    createAdapter: () => new TransactionalAdapter(connection.log),
    createDriver: () => new BunDriver(connection),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

/** SQLite can create tables in transactions; kysely's own adapter does not make use of it. */
class TransactionalAdapter extends SqliteAdapter {
  readonly log: SqliteLog | undefined;

  constructor(log: SqliteLog | undefined) {
    super();
    this.log = log;
  }

  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class BunDriver implements Driver {
  readonly #parts: SqliteConnection;
  readonly #connection: BunConnection;

  constructor(parts: SqliteConnection) {
    this.#parts = parts;
    this.#connection = new BunConnection(parts);
  }

  async init(): Promise<void> {}

  /** kysely itself lets only one user at a time have the connection. */
  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async beginTransaction(): Promise<void> {
    await this.#connection.assertWritable();
    await this.#connection.run("begin immediate");
  }

  /** Until the disk has it nobody else gets the connection, so that nobody there reads what a power cut could take back. */
  async commitTransaction(): Promise<void> {
    await this.#connection.run("commit");
    await this.#parts.log?.settle();
  }

  async rollbackTransaction(): Promise<void> {
    // After some failures, such as a full disk, SQLite has rolled back by itself.
    if (this.#parts.database.inTransaction) await this.#connection.run("rollback");
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    await this.#parts.log?.release();
    this.#parts.database.close();
  }
}

class BunConnection implements DatabaseConnection {
  readonly #database: Database;
  readonly #busyTimeoutMs: number;
  readonly #check: (() => void) | undefined;
  readonly #log: SqliteLog | undefined;
  /** When the first statement began since others had the thread. */
  #heldSince: number | undefined;
  /** The lock of another process that a line of queries waits for: since when, and when it was last seen. */
  #lock: { readonly since: number; readonly seen: number } | undefined;

  constructor({ database, busyTimeoutMs, check, log }: SqliteConnection) {
    this.#database = database;
    this.#busyTimeoutMs = busyTimeoutMs;
    this.#check = check;
    this.#log = log;
  }

  /** Rejects when what is written would be kept nowhere, or behind what the disk may have lost. */
  async assertWritable(): Promise<void> {
    this.#check?.();
    await this.#log?.assertSound();
  }

  async run(sql: string): Promise<void> {
    await this.#patiently(sql, () => this.#database.run(sql));
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    // Outside transactions each statement is one of its own.
    const commits = !this.#database.inTransaction && !/^\s*(?:select|pragma)\b/i.test(sql);
    if (commits) await this.assertWritable();
    const result = await this.#patiently(sql, () => {
      const statement = this.#database.query<R, SQLQueryBindings[]>(sql);
      const values = (parameters as readonly SQLQueryBindings[]).map(storable);
      if (statement.columnNames.length > 0) return { rows: statement.all(...values) };
      const { changes, lastInsertRowid } = statement.run(...values);
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    });
    if (commits) await this.#log?.settle();
    return result;
  }

  /** One row a chunk; the statement stays open while it is read. */
  async *streamQuery<R>({ sql, parameters }: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    const statement = this.#database.prepare<R, SQLQueryBindings[]>(sql);
    try {
      for (const row of statement.iterate(...(parameters as SQLQueryBindings[]).map(storable))) yield { rows: [row] };
    } catch (error) {
      throw storeError(error);
    } finally {
      statement.finalize();
    }
  }

  /** Lets others have the thread when statements have held it for long enough. */
  async #yield(): Promise<void> {
    if (this.#heldSince === undefined) {
      this.#heldSince = performance.now();
      setImmediate(() => {
        this.#heldSince = undefined;
      });
    } else if (performance.now() - this.#heldSince >= HOLD_MS) await nextTurn();
  }

  /**
   * Tries again while another process holds the lock. All queries wait for it in one line, so what one waited counts for
   * those behind it: else the last of many would wait as often as there are queries before it, and readers with them.
   */
  async #patiently<T>(sql: string, attempt: () => T): Promise<T> {
    await this.#yield();
    const later = performance.now() + LATER_MS;
    for (;;) {
      try {
        const result = attempt();
        if (this.#lock && !isRead(sql)) this.#lock = undefined;
        return result;
      } catch (error) {
        if (!isBusy(error) || performance.now() >= Math.max(later, this.#waitUntil())) throw storeError(error);
      }
      await Bun.sleep(RETRY_MS);
    }
  }

  /** Notes that the lock is held now; until when it is waited for. */
  #waitUntil(): number {
    const now = performance.now();
    const known = this.#lock && now - this.#lock.seen < SAME_LINE_MS ? this.#lock : undefined;
    this.#lock = { since: known?.since ?? now, seen: now };
    return this.#lock.since + this.#busyTimeoutMs;
  }
}

/** Reads get past the lock of a writer, so that they tell nothing of it. */
function isRead(sql: string): boolean {
  return /^\s*(?:select|with|pragma)\b/i.test(sql);
}
