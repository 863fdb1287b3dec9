/**
 * What happened, in the order it was stored. Ids count up by one: they are given out under the lock of a single row that
 * is held until the commit, on any database. So ids become visible in order, none is ever given out twice, and a missing
 * id means a deleted event; deletion takes the oldest, and those of an account that goes. Cursors rest on that.
 */

import type { Kysely, Selectable } from "kysely";
import { nextTurn } from "../bus/turn.ts";
import { prepared, preparedForEach } from "./prepared.ts";
import type { EventsTable, Schema } from "./schema.ts";
import { transact } from "./transactions.ts";

/** An event to store. */
export interface EventRow {
  /** Names the fact; a second event of the same key is left out. */
  readonly key: string | undefined;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly type: string;
  readonly pipeline: string | undefined;
  readonly request: string | undefined;
  readonly job: string | undefined;
  readonly item: number | undefined;
  /** JSON. */
  readonly frame: string | undefined;
  readonly verdict: string | undefined;
  /** JSON. */
  readonly data: string;
  /** Whose event it is: nobody else is shown it. Undefined for those of the server. */
  readonly account: string | undefined;
}

/** An event as it is kept. */
export interface StoredEvent extends Omit<EventRow, "key"> {
  /** Position among all events ever stored, from 1. */
  readonly id: number;
}

/** In an {@link EventFilter}: the events of everybody. No account's id, which is a UUID. */
export const EVERYBODY = "*";

/** Which events are meant: those of one owner that have one of the named values in each list that is there. */
export interface EventFilter {
  /** Only events of this account, or of {@link EVERYBODY}; only those of no account when absent. */
  readonly account?: string;
  readonly types?: readonly string[];
  readonly pipelines?: readonly string[];
  readonly requests?: readonly string[];
  readonly verdicts?: readonly string[];
}

/** Both ends of what is kept, as cursors: an id behind which something begins. */
export interface EventBounds {
  /** All that is kept has greater ids. */
  readonly oldest: number;
  /** The newest event's id, kept or not; 0 before the first. */
  readonly latest: number;
}

/** Events that were read. */
export interface EventPage extends EventBounds {
  readonly events: readonly StoredEvent[];
  /** Where reading goes on: everything from where it began to here was looked at. */
  readonly through: number;
}

/** Events that one query looks at, at most: a rare filter over a million events must not hold the thread. */
const WINDOW = 4_000;
/** Events that one transaction deletes, for the same reason. */
const PRUNE_CHUNK = 500;

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class Events {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /**
   * Stores events in one transaction; it is committed when this resolves.
   *
   * @returns those that were stored, with consecutive ids: all but those whose key was known
   */
  async append(rows: readonly EventRow[]): Promise<readonly StoredEvent[]> {
    return transact(
      this.#db,
      async (db) => {
        const fresh = await withoutKnown(db, rows);
        if (fresh.length === 0) return [];
        const [position] = await takePositions(db, { count: fresh.length });
        const before = Number(position?.last) - fresh.length;
        await insertEvents(
          db,
          {},
          fresh.map((row, at) => tableRow(before + at + 1, row)),
        );
        return fresh.map(({ key: _, ...row }, at) => ({ id: before + at + 1, ...row }));
      },
      "events",
    );
  }

  /** What there is now. */
  async bounds(): Promise<EventBounds> {
    const first = this.#db.selectFrom("events").select((row) => row.fn.min("id").as("first"));
    const row = await this.#db
      .selectFrom("event_position")
      .select(["last", first.as("first")])
      .executeTakeFirstOrThrow();
    const latest = Number(row.last);
    return { oldest: row.first === null ? latest : Number(row.first) - 1, latest };
  }

  /**
   * Up to `limit` events that fit the filter and have ids greater than `after`, oldest first. Where `after` is below
   * `oldest` of the answer, events may be missing because they were deleted.
   */
  async after(after: number, filter: EventFilter, limit: number): Promise<EventPage> {
    const { latest } = await this.bounds();
    const events: StoredEvent[] = [];
    let through = after;
    while (through < latest && events.length < limit) {
      const end = windowed(filter) ? Math.min(latest, through + WINDOW) : latest;
      const rows = await this.#matching(filter)
        .where("id", ">", through)
        .where("id", "<=", end)
        .orderBy("id")
        .limit(limit - events.length)
        .execute();
      events.push(...rows.map(eventOf));
      through = events.length === limit ? (events.at(-1)?.id ?? end) : end;
      if (through < latest && events.length < limit) await nextTurn();
    }
    // Read again: what was deleted meanwhile may be missing above.
    return { events, through, ...(await this.bounds()) };
  }

  /** Up to `limit` events that fit the filter and have ids less than `before`, newest first. */
  async before(before: number, filter: EventFilter, limit: number): Promise<EventPage> {
    const bounds = await this.bounds();
    const events: StoredEvent[] = [];
    let through = Math.min(before, bounds.latest + 1);
    while (through > bounds.oldest + 1 && events.length < limit) {
      const end = windowed(filter) ? Math.max(bounds.oldest + 1, through - WINDOW) : bounds.oldest + 1;
      const rows = await this.#matching(filter)
        .where("id", "<", through)
        .where("id", ">=", end)
        .orderBy("id", "desc")
        .limit(limit - events.length)
        .execute();
      events.push(...rows.map(eventOf));
      through = events.length === limit ? (events.at(-1)?.id ?? end) : end;
      if (through > bounds.oldest + 1 && events.length < limit) await nextTurn();
    }
    return { events, through, ...bounds };
  }

  /**
   * Deletes the oldest events: those from before `olderThan` (epoch milliseconds) up to the first younger one, and all
   * but the `keep` newest.
   *
   * @returns how many were deleted
   */
  async prune(limits: { readonly olderThan: number; readonly keep: number }): Promise<number> {
    const cutoff = new Date(limits.olderThan).toISOString();
    const { latest } = await this.bounds();
    let deleted = 0;
    for (;;) {
      const rows = await this.#db
        .selectFrom("events")
        .select(["id", "time"])
        .orderBy("id")
        .limit(PRUNE_CHUNK)
        .execute();
      const kept = rows.findIndex(({ id, time }) => time >= cutoff && id > latest - limits.keep);
      const last = kept === -1 ? rows.at(-1) : rows[kept - 1];
      if (!last) return deleted;
      const result = await this.#db.deleteFrom("events").where("id", "<=", last.id).executeTakeFirst();
      deleted += Number(result.numDeletedRows);
      if (kept !== -1) return deleted;
      await nextTurn();
    }
  }

  #matching({ account, types, pipelines, requests, verdicts }: EventFilter) {
    let query = this.#db.selectFrom("events").selectAll();
    if (account === undefined) query = query.where("account", "is", null);
    else if (account !== EVERYBODY) query = query.where("account", "=", account);
    if (types) query = query.where("type", "in", types);
    if (pipelines) query = query.where("pipeline", "in", pipelines);
    if (requests) query = query.where("request", "in", requests);
    if (verdicts) query = query.where("verdict", "in", verdicts);
    return query;
  }
}

const takePositions = prepared((db, { count }: { readonly count: number }) =>
  db
    .updateTable("event_position")
    .set((position) => ({ last: position("last", "+", count) }))
    .returning("last"),
);

const insertEvents = preparedForEach((db, _: object, rows: readonly EventsTable[]) =>
  db.insertInto("events").values(
    rows.map(({ id, key, time, type, pipeline, request, job, item, frame, verdict, data, account }) => ({
      id,
      key,
      time,
      type,
      pipeline,
      request,
      job,
      item,
      frame,
      verdict,
      data,
      account,
    })),
  ),
);

/** Whether finding events takes looking at others: requests have an index, and every event is somebody's. */
function windowed({ account, types, pipelines, requests, verdicts }: EventFilter): boolean {
  return requests === undefined && (account !== EVERYBODY || (types ?? pipelines ?? verdicts) !== undefined);
}

/** The rows without those whose key is stored already or stands earlier among them. */
async function withoutKnown(db: Kysely<Schema>, rows: readonly EventRow[]): Promise<readonly EventRow[]> {
  const keys = rows.flatMap(({ key }) => key ?? []);
  if (keys.length === 0) return rows;
  const found = await db.selectFrom("events").select("key").where("key", "in", keys).execute();
  const known = new Set(found.map(({ key }) => key));
  return rows.filter(({ key }) => {
    if (key === undefined) return true;
    if (known.has(key)) return false;
    known.add(key);
    return true;
  });
}

function tableRow(id: number, row: EventRow): EventsTable {
  return {
    id,
    key: row.key ?? null,
    time: new Date(row.time).toISOString(),
    type: row.type,
    pipeline: row.pipeline ?? null,
    request: row.request ?? null,
    job: row.job ?? null,
    item: row.item ?? null,
    frame: row.frame ?? null,
    verdict: row.verdict ?? null,
    data: row.data,
    account: row.account ?? null,
  };
}

function eventOf(row: Selectable<EventsTable>): StoredEvent {
  return {
    id: Number(row.id),
    time: Date.parse(row.time),
    type: row.type,
    pipeline: row.pipeline ?? undefined,
    request: row.request ?? undefined,
    job: row.job ?? undefined,
    item: row.item ?? undefined,
    frame: row.frame ?? undefined,
    verdict: row.verdict ?? undefined,
    data: row.data,
    account: row.account ?? undefined,
  };
}
