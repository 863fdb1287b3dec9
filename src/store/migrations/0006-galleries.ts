/** Accounts and what they own: see `../gallery/schema.ts`. */
import type { Kysely } from "kysely";
import type { GallerySchema } from "../gallery/schema.ts";

/** Creates the tables. A migration that has shipped is never changed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await accounts(db);
  await members(db);
  await changes(db);
}

async function accounts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("accounts")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("organization_name", "text", (column) => column.notNull())
    .addColumn("email", "text", (column) => column.notNull())
    .addColumn("email_key", "text", (column) => column.notNull().unique())
    .addColumn("password_hash", "text", (column) => column.notNull())
    .addColumn("suspended", "integer", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("account_tokens")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id").onDelete("cascade"))
    .addColumn("hash", "text", (column) => column.notNull().unique())
    .addColumn("data", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex("account_tokens_page")
    .on("account_tokens")
    .columns(["account_id", "created_at", "id"])
    .execute();
  await db.schema
    .createTable("handlers")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id").onDelete("cascade"))
    .addColumn("type", "text", (column) => column.notNull())
    .addColumn("policies", "text", (column) => column.notNull())
    .addColumn("version", "integer", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("updated_at", "bigint", (column) => column.notNull())
    .addUniqueConstraint("handlers_of_account", ["account_id", "type"])
    .execute();
}

async function members(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("persons")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
    .addColumn("user_data", "text", (column) => column.notNull())
    .addColumn("external_id", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("persons_page").on("persons").columns(["account_id", "created_at desc", "id"]).execute();
  await db.schema
    .createIndex("persons_external_id")
    .on("persons")
    .columns(["account_id", "external_id", "created_at desc", "id"])
    .execute();
  await db.schema
    .createTable("descriptors")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("number", "integer", (column) => column.notNull().unique())
    .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
    .addColumn("person_id", "text", (column) => column.references("persons.id"))
    .addColumn("model", "text", (column) => column.notNull())
    .addColumn("version", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("last_update", "bigint", (column) => column.notNull())
    .addColumn("loose_since", "bigint")
    .execute();
  await db.schema
    .createIndex("descriptors_page")
    .on("descriptors")
    .columns(["account_id", "created_at desc", "id"])
    .execute();
  await db.schema.createIndex("descriptors_person").on("descriptors").column("person_id").execute();
  await db.schema.createIndex("descriptors_loose").on("descriptors").column("loose_since").execute();
  await db.schema
    .createTable("descriptor_vectors")
    .addColumn("number", "integer", (column) =>
      column.primaryKey().references("descriptors.number").onDelete("cascade"),
    )
    // PostgreSQL's word; SQLite takes any and keeps bytes as bytes.
    .addColumn("content", "bytea", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("descriptor_samples")
    .addColumn("descriptor_id", "text", (column) =>
      column.primaryKey().references("descriptors.id").onDelete("cascade").notNull(),
    )
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("width", "integer", (column) => column.notNull())
    .addColumn("height", "integer", (column) => column.notNull())
    .addColumn("content", "bytea", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("lists")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
    .addColumn("type", "text", (column) => column.notNull())
    .addColumn("data", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex("lists_page")
    .on("lists")
    .columns(["account_id", "type", "created_at desc", "id"])
    .execute();
  await db.schema
    .createTable("list_members")
    .addColumn("list_id", "text", (column) => column.notNull().references("lists.id"))
    .addColumn("member_id", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("list_members_key", ["list_id", "member_id"])
    .execute();
  await db.schema
    .createIndex("list_members_page")
    .on("list_members")
    .columns(["list_id", "created_at desc", "member_id"])
    .execute();
  await db.schema.createIndex("list_members_member").on("list_members").columns(["member_id", "list_id"]).execute();
  await db.schema
    .createTable("gallery_counts")
    .addColumn("owner", "text", (column) => column.notNull())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("count", "bigint", (column) => column.notNull())
    .addColumn("edits", "bigint", (column) => column.notNull())
    .addColumn("newest", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("gallery_counts_key", ["owner", "kind"])
    .execute();
}

async function changes(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("gallery_changes")
    .addColumn("position", "bigint", (column) => column.notNull())
    .addColumn("part", "integer", (column) => column.notNull())
    .addColumn("time", "bigint", (column) => column.notNull())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("account_id", "text", (column) => column.notNull())
    .addColumn("subject", "text", (column) => column.notNull())
    .addColumn("other", "text")
    .addPrimaryKeyConstraint("gallery_changes_key", ["position", "part"])
    .execute();
  await db.schema
    .createTable("gallery_position")
    .addColumn("last", "bigint", (column) => column.notNull())
    .addColumn("pruned", "bigint", (column) => column.notNull())
    .addColumn("numbered", "bigint", (column) => column.notNull())
    .execute();
  const seed = db as Kysely<GallerySchema>;
  await seed.insertInto("gallery_position").values({ last: 0, pruned: 0, numbered: 0 }).execute();
  await db.schema
    .createTable("gallery_reextraction")
    .addColumn("model", "text", (column) => column.notNull())
    .addColumn("version", "text", (column) => column.notNull())
    .addColumn("walked", "integer", (column) => column.notNull())
    .addColumn("replaced", "integer", (column) => column.notNull())
    .addColumn("impossible", "integer", (column) => column.notNull())
    .addColumn("owner", "text")
    .addColumn("lease_until", "bigint", (column) => column.notNull())
    .execute();
  const nothing = { model: "", version: "", walked: 0, replaced: 0, impossible: 0, owner: null, lease_until: 0 };
  await seed.insertInto("gallery_reextraction").values(nothing).execute();
}
