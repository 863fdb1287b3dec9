/** Takes an account away with all it owns, in transactions so short that nobody else has to wait. */
import type { Kysely } from "kysely";
import type { Schema } from "../schema.ts";
import { mergeLog } from "../sqlite-log.ts";
import { transact } from "../transactions.ts";
import { dropCounts } from "./counts.ts";
import { removeDescriptors, removeListRows, removePersons } from "./unlinking.ts";
import type { GalleryWrites } from "./writes.ts";

/** Rows that one transaction deletes. */
const CHUNK = 200;

/** False when the account is gone already. */
export async function removeAccount(db: Kysely<Schema>, writes: GalleryWrites, account: string): Promise<boolean> {
  for (;;) {
    await removeOwned(db, writes, account);
    await removeEvents(db, account);
    try {
      const isRemoved = await removeRow(db, account);
      await mergeLog(db);
      return isRemoved;
    } catch (error) {
      // Requests that were let in before the account was suspended may have stored something meanwhile.
      const { descriptors, persons, lists } = await someOf(db, account, 1);
      if (descriptors.length + persons.length + lists.length === 0) throw error;
    }
  }
}

async function removeOwned(db: Kysely<Schema>, writes: GalleryWrites, account: string): Promise<void> {
  for (;;) {
    const { descriptors, persons, lists } = await someOf(db, account, CHUNK);
    if (descriptors.length + persons.length + lists.length === 0) return;
    await writes.run(async (write) => {
      await removeDescriptors(write, account, descriptors);
      await removePersons(write, account, persons);
      await removeListRows(write, account, lists);
    });
  }
}

/** Ids of what an account owns; of one kind only, so that no transaction deletes more than the limit. */
async function someOf(db: Kysely<Schema>, account: string, limit: number) {
  const some = async (table: "descriptors" | "persons" | "lists") =>
    idsOf(await db.selectFrom(table).select("id").where("account_id", "=", account).limit(limit).execute());
  const descriptors = await some("descriptors");
  const persons = descriptors.length > 0 ? [] : await some("persons");
  const lists = descriptors.length + persons.length > 0 ? [] : await some("lists");
  return { descriptors, persons, lists };
}

function removeRow(db: Kysely<Schema>, account: string): Promise<boolean> {
  return transact(db, async (db) => {
    await dropCounts(db, account);
    const result = await db.deleteFrom("accounts").where("id", "=", account).executeTakeFirst();
    return result.numDeletedRows > 0n;
  });
}

/** What its requests did names its people. The ids of these events are missing afterwards, as those of expired ones are. */
async function removeEvents(db: Kysely<Schema>, account: string): Promise<void> {
  for (;;) {
    const events = await db
      .selectFrom("events")
      .select("id")
      .where("account", "=", account)
      .orderBy("id")
      .limit(CHUNK)
      .execute();
    if (events.length === 0) return;
    const ids = events.map(({ id }) => id);
    await transact(db, (db) => db.deleteFrom("events").where("id", "in", ids).execute());
  }
}

function idsOf(rows: readonly { readonly id: string }[]): readonly string[] {
  return rows.map(({ id }) => id);
}
