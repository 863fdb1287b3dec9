/** Adds persons and descriptors within a transaction that is under way. */
import { type Kysely, sql } from "kysely";
import type { Schema } from "../schema.ts";
import { chunksOf } from "./chunks.ts";
import { grow } from "./counts.ts";
import type { NewDescriptor, NewPerson } from "./records.ts";
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
  const { numbered } = await db
    .updateTable("gallery_position")
    .set({ numbered: sql<number>`numbered + ${descriptors.length}` })
    .returning("numbered")
    .executeTakeFirstOrThrow();
  const first = Number(numbered) - descriptors.length + 1;
  const all = descriptors.map((descriptor, at) => ({ ...descriptor, number: first + at }));
  for (const chunk of chunksOf(all, CHUNK)) {
    await db
      .insertInto("descriptors")
      .values(
        chunk.map(({ id, number, model, version }) => ({
          id,
          number,
          account_id: account,
          person_id: person,
          model,
          version,
          created_at: createdAt,
          last_update: time,
          loose_since: person === null ? time : null,
        })),
      )
      .execute();
    await db
      .insertInto("descriptor_vectors")
      .values(chunk.map(({ number, values }) => ({ number, content: bytesOfVector(values) })))
      .execute();
    const samples = chunk.flatMap(({ id, sample }) => {
      if (!sample) return [];
      const { kind, width, height, bytes } = sample;
      return [{ descriptor_id: id, kind, width, height, content: bytes }];
    });
    if (samples.length > 0) await db.insertInto("descriptor_samples").values(samples).execute();
    for (const { id } of chunk) write.change("descriptor", account, id, person);
  }
}
