/** Brings a database's tables up to date. */
import { type Kysely, sql } from "kysely";
import { DEFAULT_MIGRATION_TABLE, Migrator } from "kysely/migration";
import { FacewireError } from "../errors.ts";
import { MIGRATIONS } from "./migrations/all.ts";
import type { Schema } from "./schema.ts";

/**
 * Runs the migrations that are missing, all or none. Safe when several processes do it at once. Throws
 * `store_unavailable`, also when the database was made by a newer version.
 */
export async function migrateToLatest(db: Kysely<Schema>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  if (error instanceof FacewireError) throw error;
  const newer = await hasUnknownMigration(db).catch(() => false);
  const message = newer
    ? "The database was made by a newer version of Facewire."
    : "The database's tables could not be brought up to date.";
  const details = newer ? { details: { reason: "newer_version" } } : {};
  throw new FacewireError("store_unavailable", message, { ...details, cause: error });
}

async function hasUnknownMigration(db: Kysely<Schema>): Promise<boolean> {
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)}`.execute(db);
  return rows.some(({ name }) => !Object.hasOwn(MIGRATIONS, name));
}
