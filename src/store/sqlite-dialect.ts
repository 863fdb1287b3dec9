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
import { storeError } from "./sqlite-errors.ts";

/** A dialect over one open database, which it closes when kysely is destroyed. */
export function sqliteDialect(database: Database): Dialect {
  return {
    createAdapter: () => new TransactionalAdapter(),
    createDriver: () => new BunDriver(database),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

/** SQLite can create tables in transactions; kysely's own adapter does not make use of it. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class BunDriver implements Driver {
  readonly #database: Database;
  readonly #connection: BunConnection;

  constructor(database: Database) {
    this.#database = database;
    this.#connection = new BunConnection(database);
  }

  async init(): Promise<void> {}

  /** kysely itself lets only one user at a time have the connection. */
  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async beginTransaction(): Promise<void> {
    this.#connection.run("begin immediate");
  }

  async commitTransaction(): Promise<void> {
    this.#connection.run("commit");
  }

  async rollbackTransaction(): Promise<void> {
    // After some failures, such as a full disk, SQLite has rolled back by itself.
    if (this.#database.inTransaction) this.#connection.run("rollback");
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#database.close();
  }
}

class BunConnection implements DatabaseConnection {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  run(sql: string): void {
    try {
      this.#database.run(sql);
    } catch (error) {
      throw storeError(error);
    }
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    try {
      const statement = this.#database.query<R, SQLQueryBindings[]>(sql);
      const values = parameters as readonly SQLQueryBindings[];
      if (statement.columnNames.length > 0) return { rows: statement.all(...values) };
      const { changes, lastInsertRowid } = statement.run(...values);
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    } catch (error) {
      throw storeError(error);
    }
  }

  /** One row a chunk; the statement stays open while it is read. */
  async *streamQuery<R>({ sql, parameters }: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    const statement = this.#database.prepare<R, SQLQueryBindings[]>(sql);
    try {
      for (const row of statement.iterate(...(parameters as SQLQueryBindings[]))) yield { rows: [row] };
    } catch (error) {
      throw storeError(error);
    } finally {
      statement.finalize();
    }
  }
}
