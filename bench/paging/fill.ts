/** A large gallery, written past the repositories: one transaction for each of its rows would take minutes. */
import type { Kysely } from "kysely";
import type { Schema } from "../../src/store/schema.ts";

/** Rows that one statement writes. */
const CHUNK = 1_000;
/** The first of them was made then; each later one a moment after the one before. */
const FIRST_MADE = Date.UTC(2030, 0, 1);

/** Gives an account `rows` persons with a descriptor each, and as many lists of persons; all persons are on one list. */
export async function fillGallery(
  db: Kysely<Schema>,
  account: string,
  rows: number,
): Promise<{ readonly list: string }> {
  const list = crypto.randomUUID();
  await db
    .insertInto("lists")
    .values({ id: list, account_id: account, type: "persons", data: "all", created_at: FIRST_MADE })
    .execute();
  for (let from = 0; from < rows; from += CHUNK) {
    const made = Array.from({ length: Math.min(CHUNK, rows - from) }, (_, at) => ({
      number: from + at + 1,
      created_at: FIRST_MADE + 7 * (from + at + 1),
      person: crypto.randomUUID(),
      descriptor: crypto.randomUUID(),
    }));
    await db.transaction().execute(async (open) => {
      await open
        .insertInto("persons")
        .values(
          made.map(({ number, created_at, person }) => ({
            id: person,
            account_id: account,
            user_data: `person ${number}`,
            external_id: String(number),
            created_at,
          })),
        )
        .execute();
      await open
        .insertInto("descriptors")
        .values(
          made.map(({ number, created_at, person, descriptor }) => ({
            id: descriptor,
            number,
            account_id: account,
            person_id: person,
            model: "model",
            version: "1",
            created_at,
            last_update: created_at,
            loose_since: null,
          })),
        )
        .execute();
      await open
        .insertInto("lists")
        .values(
          made.map(({ number, created_at }) => ({
            id: crypto.randomUUID(),
            account_id: account,
            type: "persons",
            data: `list ${number}`,
            created_at,
          })),
        )
        .execute();
      await open
        .insertInto("list_members")
        .values(made.map(({ created_at, person }) => ({ list_id: list, member_id: person, created_at })))
        .execute();
    });
  }
  const newest = FIRST_MADE + 7 * rows;
  const count = (owner: string, kind: string, of: number) => ({ owner, kind, count: of, edits: 0, newest });
  await db
    .insertInto("gallery_counts")
    .values([
      count(account, "persons", rows),
      count(account, "descriptors", rows),
      count(account, "persons-lists", rows + 1),
      count(list, "members", rows),
    ])
    .execute();
  return { list };
}
