import { describe } from "bun:test";
import { hasPostgres } from "../support/postgres.ts";
import { openPostgresStore } from "./postgres-store.ts";
import { storeSuite } from "./store-suite.ts";

describe.skipIf(!hasPostgres())("PostgreSQL:", () => {
  storeSuite("PostgreSQL", openPostgresStore);
});
