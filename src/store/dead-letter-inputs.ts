/** The inputs of dead letters: what the work was about, where the settings allow that to be kept. */
import { type Kysely, sql } from "kysely";
import type { Schema } from "./schema.ts";

/** What the run was asked for besides its pipeline; a retry asks for the same. */
export interface RetryWishes {
  /** 0 to 9. */
  readonly priority?: number;
  readonly explain?: boolean;
  readonly draw?: boolean;
  readonly exif?: boolean;
  /** By name; those of the pipeline's declaration at that time. */
  readonly parameters?: Readonly<Record<string, boolean | number | string>>;
}

/** The picture (or the frame of a video, as JPEG) that a letter is about. */
export interface DeadLetterInput {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly wishes: RetryWishes;
}

/** What is known of an input without reading it. */
export interface InputFacts {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Adds the input of a letter; the oldest inputs are deleted until all together hold at most `mostInAll` bytes. One that
 * is larger than that by itself is not kept.
 */
export async function addInput(
  db: Kysely<Schema>,
  letterId: string,
  input: DeadLetterInput,
  mostInAll: number,
): Promise<void> {
  const size = input.bytes.byteLength;
  if (size > mostInAll) return;
  await sql`
    delete from dead_letter_inputs where letter_id in (
      select newer.letter_id
      from (
        select letter_id, sum(size) over (order by letter_id desc) as held from dead_letter_inputs
      ) as newer
      where newer.held > ${mostInAll - size}
    )`.execute(db);
  await db
    .insertInto("dead_letter_inputs")
    .values({ letter_id: letterId, size, name: input.name, wishes: JSON.stringify(input.wishes), content: input.bytes })
    .execute();
}

/** The input of a letter, or undefined where there is none. */
export async function readInput(db: Kysely<Schema>, letterId: string): Promise<DeadLetterInput | undefined> {
  const row = await db
    .selectFrom("dead_letter_inputs")
    .select(["name", "content", "wishes"])
    .where("letter_id", "=", letterId)
    .executeTakeFirst();
  if (!row) return undefined;
  // Only this file writes the table.
  return { name: row.name, bytes: row.content, wishes: JSON.parse(row.wishes) as RetryWishes };
}
