/** What every database has to do for events; a part of the store's suite. */
import { describe, expect, test } from "bun:test";
import { EVERYBODY, type EventFilter, type EventRow } from "../../src/store/events.ts";
import type { Store } from "../../src/store/store.ts";

const DAY = 86_400_000;

/** A row with what a test does not care about. */
export function eventRow(row: Partial<EventRow> = {}): EventRow {
  return {
    key: undefined,
    time: Date.UTC(2026, 2, 1),
    type: "item.completed",
    pipeline: "gate",
    request: "r1",
    job: undefined,
    item: 0,
    frame: undefined,
    verdict: undefined,
    data: "{}",
    account: undefined,
    ...row,
  };
}

const rows = (count: number, row: Partial<EventRow> = {}) =>
  Array.from({ length: count }, (_, item) => eventRow({ item, ...row }));

/** Defines the tests. `store` is the one of the running test, `open` opens another on the same database. */
export function eventSuite(store: () => Store, open: () => Promise<Store>): void {
  const events = () => store().events;
  const ids = async (after: number) => (await events().after(after, {}, 100)).events.map(({ id }) => id);

  describe("events", () => {
    test("come back as they were stored", async () => {
      const full = eventRow({
        job: "j1",
        frame: '{"file":0,"number":7,"time_s":0.28}',
        verdict: "live",
        data: '{"text":"☃ \\" \'; drop table events; --"}',
      });
      const bare = eventRow({ pipeline: undefined, request: undefined, item: undefined });
      const stored = await events().append([full, bare]);
      expect(stored.map(({ id }) => id)).toEqual([1, 2]);
      const { key: _, ...kept } = full;
      expect(stored[0]).toEqual({ id: 1, ...kept });
      expect((await events().after(0, {}, 10)).events).toEqual([...stored]);
    });

    test("are numbered without gaps in the order they are stored, whoever stores them", async () => {
      const other = await open();
      try {
        await Promise.all(
          Array.from({ length: 20 }, (_, i) => (i % 2 ? other : store()).events.append(rows(3, { request: `r${i}` }))),
        );
      } finally {
        await other.close();
      }
      expect(await ids(0)).toEqual(Array.from({ length: 60 }, (_, at) => at + 1));
    });

    test("of the same key are stored once, also when they come together, and leave no gap", async () => {
      const stored = await events().append([eventRow({ key: "a" }), eventRow({ key: "a" }), eventRow({ key: "b" })]);
      expect(stored.map(({ id }) => id)).toEqual([1, 2]);
      expect(await events().append([eventRow({ key: "b" })])).toEqual([]);
      const [next] = await events().append([eventRow({ key: "b" }), eventRow({ key: "c" })]);
      expect(next?.id).toBe(3);
    });

    test("of the same key are stored once, also when several processes store them at once", async () => {
      const other = await open();
      try {
        const stored = await Promise.all(
          Array.from({ length: 12 }, (_, i) => {
            const keyed = [eventRow({ key: `k${i % 3}` }), eventRow({ key: "same" })];
            return (i % 2 ? other : store()).events.append(keyed);
          }),
        );
        expect(
          stored
            .flat()
            .map(({ id }) => id)
            .sort(),
        ).toEqual([1, 2, 3, 4]);
        expect(await ids(0)).toEqual([1, 2, 3, 4]);
      } finally {
        await other.close();
      }
    });

    test("without a key are never taken for each other", async () => {
      await events().append([eventRow(), eventRow()]);
      await events().append([eventRow()]);
      expect(await ids(0)).toEqual([1, 2, 3]);
    });

    test("are read by type, pipeline, request and verdict, in pages of either direction", async () => {
      await events().append([
        eventRow({ type: "face.liveness", verdict: "live" }),
        eventRow({ type: "face.liveness", verdict: "spoof", request: "r2" }),
        eventRow({ pipeline: "other", verdict: "spoof" }),
        eventRow(),
        eventRow({ type: "face.liveness", verdict: "spoof" }),
      ]);
      const found = async (filter: object) => (await events().after(0, filter, 100)).events.map(({ id }) => id);
      expect(await found({ types: ["face.liveness"] })).toEqual([1, 2, 5]);
      expect(await found({ types: ["face.liveness"], verdicts: ["spoof"] })).toEqual([2, 5]);
      expect(await found({ verdicts: ["spoof", "live"], pipelines: ["gate"] })).toEqual([1, 2, 5]);
      expect(await found({ requests: ["r1"], verdicts: ["spoof"] })).toEqual([3, 5]);
      expect(await found({ requests: ["unknown"] })).toEqual([]);
      const first = await events().after(0, { verdicts: ["spoof"] }, 2);
      expect(first.events.map(({ id }) => id)).toEqual([2, 3]);
      expect(first.through).toBe(3);
      const second = await events().after(first.through, { verdicts: ["spoof"] }, 2);
      expect([second.events.map(({ id }) => id), second.through, second.latest]).toEqual([[5], 5, 5]);
      const back = await events().before(5, { verdicts: ["spoof"] }, 2);
      expect(back.events.map(({ id }) => id)).toEqual([3, 2]);
      expect((await events().before(2, {}, 10)).events.map(({ id }) => id)).toEqual([1]);
    });

    test("of an account are read by that account alone, and by who asks for everybody's", async () => {
      await events().append([
        eventRow({ account: "a", type: "luna.match" }),
        eventRow(),
        eventRow({ account: "b" }),
        eventRow({ account: "a", type: "luna.extract" }),
        eventRow(),
      ]);
      const found = async (filter: EventFilter) => {
        const forth = (await events().after(0, filter, 10)).events.map(({ id }) => id);
        const back = (await events().before(6, filter, 10)).events.map(({ id }) => id);
        expect(back.toReversed()).toEqual(forth);
        return forth;
      };
      expect(await found({})).toEqual([2, 5]);
      expect(await found({ account: "a" })).toEqual([1, 4]);
      expect(await found({ account: "a", types: ["luna.extract"] })).toEqual([4]);
      expect(await found({ account: "c" })).toEqual([]);
      expect(await found({ requests: ["r1"] })).toEqual([2, 5]);
      expect(await found({ account: EVERYBODY })).toEqual([1, 2, 3, 4, 5]);
      expect((await events().after(0, { account: "a" }, 1)).events[0]?.account).toBe("a");
    });

    test("of an account that is removed go with it, however many, and others stay", async () => {
      const { accounts } = store().gallery;
      const wish = { organizationName: "Example", email: "a@example.org", passwordHash: "hash", tokenData: "first" };
      const { account } = (await accounts.create(wish))!;
      await events().append([eventRow(), ...rows(1_200, { account: account.id }), eventRow({ account: "other" })]);
      expect(await accounts.remove(account.id)).toBe(true);
      expect((await events().after(0, { account: EVERYBODY }, 10)).events.map(({ id }) => id)).toEqual([1, 1_202]);
    });

    test("are found behind thousands of others, also when there is only one", async () => {
      for (let at = 0; at < 50; at++) await events().append(rows(100));
      await events().append([eventRow({ type: "face.extracted" })]);
      for (let at = 0; at < 50; at++) await events().append(rows(100));
      const rare = { types: ["face.extracted"] };
      expect(await events().after(0, rare, 10)).toMatchObject({ events: [{ id: 5001 }], through: 10_001 });
      expect(await events().before(10_002, rare, 10)).toMatchObject({ events: [{ id: 5001 }], through: 1 });
    });

    test("know their bounds, empty, filled and pruned to nothing", async () => {
      expect(await events().bounds()).toEqual({ oldest: 0, latest: 0 });
      await events().append(rows(3));
      expect(await events().bounds()).toEqual({ oldest: 0, latest: 3 });
      await events().prune({ olderThan: 0, keep: 1 });
      expect(await events().bounds()).toEqual({ oldest: 2, latest: 3 });
      await events().prune({ olderThan: 0, keep: 0 });
      expect(await events().bounds()).toEqual({ oldest: 3, latest: 3 });
      const [next] = await events().append([eventRow()]);
      expect(next?.id).toBe(4);
    });

    test("are pruned by age and by number, the oldest first, however many they are", async () => {
      for (let day = 0; day < 6; day++) await events().append(rows(250, { time: day * DAY }));
      expect(await events().prune({ olderThan: 2 * DAY, keep: 10_000 })).toBe(500);
      expect(await events().bounds()).toEqual({ oldest: 500, latest: 1500 });
      expect(await events().prune({ olderThan: 0, keep: 300 })).toBe(700);
      expect(await events().prune({ olderThan: 0, keep: 300 })).toBe(0);
      expect((await ids(1200))[0]).toBe(1201);
      expect(await events().bounds()).toEqual({ oldest: 1200, latest: 1500 });
    });
  });
}
