/** Takes an account away with all it owns, in transactions so short that nobody else has to wait. */
import type { Kysely } from "kysely";
import type { Schema } from "../schema.ts";
import { transact } from "../transactions.ts";
import { dropCounts } from "./counts.ts";
import { removeDescriptors, removeListRows, removePersons } from "./unlinking.ts";
import type { GalleryWrites } from "./writes.ts";

/** Rows that one transaction deletes. */
const CHUNK = 200;

/** False when the account is gone already. */
export async function removeAccount(db: Kysely<Schema>, writes: GalleryWrites, account: string): Promise<boolean> {
  const some = (table: "descriptors" | "persons" | "lists") =>
    db.selectFrom(table).select("id").where("account_id", "=", account).limit(CHUNK).execute();
  for (;;) {
    const descriptors = await some("descriptors");
    const persons = descriptors.length > 0 ? [] : await some("persons");
    const lists = descriptors.length + persons.length > 0 ? [] : await some("lists");
    if (descriptors.length + persons.length + lists.length === 0) break;
    await writes.run(async (write) => {
      await removeDescriptors(write, account, idsOf(descriptors));
      await removePersons(write, account, idsOf(persons));
      await removeListRows(write, account, idsOf(lists));
    });
  }
  await removeEvents(db, account);
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
