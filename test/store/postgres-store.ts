/** Stores on the PostgreSQL of the tests, for suites that run on every database. */
import { openStoreOf, type StoreSettings } from "../../src/store/store.ts";
import { postgresDatabase } from "../support/postgres.ts";
import type { TestDatabase } from "./store-suite.ts";

/** What a suite's `create` is on PostgreSQL. */
export async function openPostgresStore(): Promise<TestDatabase> {
  const { url, remove } = await postgresDatabase();
  return { open: () => openStoreOf(postgresSettings(url)), remove };
}

/** Settings that name a database, and are else as they are by default but for a small pool. */
export function postgresSettings(url: string, database: Partial<StoreSettings["database"]> = {}): StoreSettings {
  const defaults = { pool: 4, connect_timeout: 2_000, statement_timeout: 30_000 };
  return { data_dir: "/nowhere", database: { ...defaults, url, ...database } };
}
