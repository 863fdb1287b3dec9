/** Adds persons and descriptors within a transaction that is under way. */
import { type Kysely, sql } from "kysely";
import { prepared, preparedForEach } from "../prepared.ts";
import type { Schema } from "../schema.ts";
import { chunksOf } from "./chunks.ts";
import { grow } from "./counts.ts";
import type { NewDescriptor, NewPerson, Sample } from "./records.ts";
import { bytesOfVector } from "./vector-bytes.ts";
import type { GalleryWrite } from "./writes.ts";

/** Descriptors that one statement adds: their samples are some 10 KB each. */
const CHUNK = 100;

export async function addPerson(db: Kysely<Schema>, account: string, person: NewPerson, now: number): Promise<void> {
  const createdAt = await grow(db, { owner: account, kind: "persons" }, 1, now);
  await db
    .insertInto("persons")
    .values({
      id: person.id,
      account_id: account,
      user_data: person.userData,
      external_id: person.externalId,
      created_at: createdAt,
    })
    .execute();
}

/** Adds descriptors of one moment; of a person where one is given. */
export async function addDescriptors(
  write: GalleryWrite,
  account: string,
  descriptors: readonly NewDescriptor[],
  person: string | null,
): Promise<void> {
  const { db, time } = write;
  const createdAt = await grow(db, { owner: account, kind: "descriptors" }, descriptors.length, time);
  const [taken] = await takeNumbers(db, { count: descriptors.length });
  const first = Number(taken?.numbered) - descriptors.length + 1;
  const all = descriptors.map((descriptor, at) => ({ ...descriptor, number: first + at }));
  for (const chunk of chunksOf(all, CHUNK)) {
    const common = { account, person, createdAt, time, looseSince: person === null ? time : null };
    await insertDescriptors(db, common, chunk);
    await insertVectors(
      db,
      {},
      chunk.map(({ number, values }) => ({ number, content: bytesOfVector(values) })),
    );
    const samples = chunk.flatMap(({ id, sample }) => (sample ? [{ id, ...sample }] : []));
    if (samples.length > 0) await insertSamples(db, {}, samples);
    for (const { id } of chunk) write.change("descriptor", account, id, person);
  }
}

const takeNumbers = prepared<{ readonly count: number }, { numbered: number }>((db, { count }) =>
  db
    .updateTable("gallery_position")
    .set({ numbered: sql<number>`numbered + ${count}` })
    .returning("numbered"),
);

interface Common {
  readonly account: string;
  readonly person: string | null;
  readonly createdAt: number;
  readonly time: number;
  readonly looseSince: number | null;
}

const insertDescriptors = preparedForEach<Common, NewDescriptor & { readonly number: number }, unknown>(
  (db, { account, person, createdAt, time, looseSince }, rows) =>
    db.insertInto("descriptors").values(
      rows.map(({ id, number, model, version }) => ({
        id,
        number,
        account_id: account,
        person_id: person,
        model,
        version,
        created_at: createdAt,
        last_update: time,
        loose_since: looseSince,
      })),
    ),
);

const insertVectors = preparedForEach<object, { readonly number: number; readonly content: Uint8Array }, unknown>(
  (db, _, rows) => db.insertInto("descriptor_vectors").values(rows.map(({ number, content }) => ({ number, content }))),
);

const insertSamples = preparedForEach<object, Sample & { readonly id: string }, unknown>((db, _, rows) =>
  db
    .insertInto("descriptor_samples")
    .values(
      rows.map(({ id, kind, width, height, bytes }) => ({ descriptor_id: id, kind, width, height, content: bytes })),
    ),
);
