import { describe } from "bun:test";
import { openStore } from "../../src/store/store.ts";
import { openPostgresStore } from "../store/postgres-store.ts";
import { hasPostgres } from "../support/postgres.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { jobStoreSuite } from "./job-store-suite.ts";

jobStoreSuite("SQLite", async () => {
  const folder = temporaryFolder("facewire-jobs-");
  return { open: () => openStore(folder), remove: async () => {} };
});

describe.skipIf(!hasPostgres())("PostgreSQL:", () => jobStoreSuite("PostgreSQL", openPostgresStore));
