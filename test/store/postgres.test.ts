import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { openStoreOf, type Store, type StoreSettings } from "../../src/store/store.ts";
import { hasPostgres, type PostgresServer, postgresDatabase, startPostgres } from "../support/postgres.ts";
import { letter } from "./letter.ts";
import { storeSuite } from "./store-suite.ts";

describe.skipIf(!hasPostgres())("PostgreSQL:", () => {
  storeSuite("PostgreSQL", async () => {
    const { url, remove } = await postgresDatabase();
    return { open: () => openStoreOf(at(url)), remove };
  });
});

/** Settings that name a database. */
function at(url: string): StoreSettings {
  return { data_dir: "/nowhere", database: { url, pool: 4, connect_timeout: 2_000, statement_timeout: 30_000 } };
}
