/** What the WebSockets of the LUNA dialect do beyond it: resuming, slow readers, limits, several processes. */
import { describe, expect, test } from "bun:test";
import type { TestServerOptions } from "../../../src/testing/index.ts";
import type { LunaAccount, LunaClient, LunaJson } from "../../support/luna/client.ts";
import { LunaEvents, refusal } from "../../support/luna/events.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";
import { Gallery, near } from "../../support/luna/vectors.ts";
import { RawSubscription } from "../../support/raw-subscription.ts";
import { eventually } from "../../support/settle.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at);

async function started(luna: NonNullable<TestServerOptions["settings"]>["luna"] = {}, options: TestServerOptions = {}) {
  const { settings, ...others } = options;
  const server = await startLuna({ shipped: false, ...others, settings: { ...settings, luna } });
  const account = await server.newAccount();
  return { server, account, gallery: new Gallery(account) };
}

/** Tells events of an account as requests do, the numbers in their results; about as long as `bytes` says. */
async function tell({ server }: LunaServer, account: LunaAccount, numbers: readonly number[], bytes = 0) {
  const { id } = (await server.app.store.gallery.accounts.byEmail(account.email))!;
  await server.app.events.recorder.record(
    numbers.map((number) => ({
      type: "luna.match",
      account: id,
      data: {
        event_type: "match",
        source: "match",
        timestamp: number,
        authorization: "basic",
        result: { candidates: [], text: "x".repeat(bytes) },
      },
    })),
  );
}

const follow = (client: LunaClient, query: string) => LunaEvents.open(client, `/4/ws?${query}`);
const numbers = (messages: readonly LunaJson[]) =>
  messages.flatMap(({ timestamp }: LunaJson) => (timestamp === undefined ? [] : timestamp));

describe("A cursor", () => {
  test("that is empty begins with what comes, and events then carry their id and age", async () => {
    const { server, account } = await started();
    await using _ = server;
    await tell(server, account, [1]);
    using events = await follow(account.client, "cursor=");
    using plain = await follow(account.client, "");
    await tell(server, account, [2]);
    const [begun, event] = await events.has(2);
    expect(begun).toEqual({ event_type: "started", cursor: expect.stringMatching(/^[0-9]+$/) });
    const { id, age_ms, ...documented } = event;
    expect(Number(id)).toBeGreaterThan(Number(begun.cursor));
    expect(age_ms).toBeGreaterThanOrEqual(0);
    const [first] = await plain.has(1);
    expect(first).toEqual(documented);
    expect(events.texts[1]?.startsWith(plain.texts[0]!.slice(0, -1))).toBe(true);
  });

  test("gives each missed event once and in order, then those that come, though others are told all the while", async () => {
    const { server, account } = await started();
    await using _ = server;
    const other = await server.newAccount();
    using first = await follow(account.client, "cursor=");
    await tell(server, account, [0]);
    const [, { id }] = await first.has(2);
    first.close();
    const telling = (async () => {
      for (let at = 1; at < 300; at += 3) {
        await tell(server, account, [at, at + 1, at + 2]);
        await tell(server, other, [at + 1_000_000]);
      }
    })();
    await eventually(async () => (await server.server.app.store.events.bounds()).latest > 60);
    using resumed = await follow(account.client, `cursor=${id}`);
    await telling;
    await resumed.has(1 + 300);
    expect(numbers(resumed.messages)).toEqual(upTo(301).slice(1));
    expect(resumed.messages[0]).toEqual({ event_type: "started", cursor: id });
    const ids = resumed.messages.map((message) => Number(message.id ?? message.cursor));
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  });

  test("resumes with filters, and with candidates trimmed, as live events are", async () => {
    const { server, account, gallery } = await started();
    await using _ = server;
    const d = await gallery.descriptor(near(1));
    await gallery.person("alike", [near(0.8)]);
    const list = await gallery.list("descriptors", [d, await gallery.descriptor(near(0.1, 3))]);
    using begin = await follow(account.client, "cursor=");
    const [{ cursor }] = await begin.has(1);
    const { body } = await account.client.call("POST", "/4/matching/match", {
      query: { descriptor_id: d, list_id: list },
    });
    expect(body.candidates).toHaveLength(2);
    await gallery.descriptor(near(1));
    using resumed = await follow(account.client, `cursor=${cursor}&similarity__gt=0.5&list=${list}`);
    const [, event] = await resumed.has(2);
    expect(event.result.candidates).toEqual(body.candidates.slice(0, 1));
  });

  test("of another account shows nothing of that account", async () => {
    const { server, account } = await started();
    await using _ = server;
    const other = await server.newAccount();
    await tell(server, other, [1, 2, 3]);
    using events = await follow(account.client, "cursor=0");
    await tell(server, account, [4]);
    await eventually(() => numbers(events.messages).length > 0);
    expect(numbers(await events.read())).toEqual([4]);
  });

  test("from before what is kept is refused before the upgrade, with the one to go on from", async () => {
    const { server, account } = await started();
    await using _ = server;
    await tell(server, account, upTo(10));
    await server.server.app.store.events.prune({ olderThan: 0, keep: 3 });
    const { oldest } = await server.server.app.store.events.bounds();
    const { status, body } = await refusal(account.client, "/4/ws", { cursor: "1" });
    expect([status, body.error_code]).toEqual([410, 12012]);
    expect(body.detail).toContain("'cursor'");
    expect(body.detail).toContain(`'${oldest}'`);
    using events = await follow(account.client, `cursor=${oldest}`);
    await events.has(1 + 3);
    expect(numbers(events.messages)).toEqual([7, 8, 9]);
  });

  test("works across processes on one database, where each hears of what the other tells", async () => {
    const data_dir = temporaryFolder("facewire-luna-events-");
    const options: TestServerOptions = { database: "file", settings: { data_dir } };
    const { server: one, account } = await started({}, options);
    await using _ = one;
    await using two = await startLuna({ shipped: false, ...options });
    const there = two.as({ token: account.token });
    using plain = await LunaEvents.open(there, "/4/ws");
    using extended = await follow(there, "cursor=");
    await tell(one, account, [1, 2]);
    await plain.has(2);
    const [, , { id }] = await extended.has(3);
    extended.close();
    await tell(one, account, [3]);
    await tell(two, account, [4]);
    using resumed = await follow(account.client, `cursor=${id}`);
    await resumed.has(3);
    expect(numbers(resumed.messages)).toEqual([3, 4]);
    await plain.has(4);
    expect(numbers(plain.messages)).toEqual([1, 2, 3, 4]);
  });

  test("is told to those who ask for it when the server stops", async () => {
    const { server, account } = await started();
    using events = await follow(account.client, "cursor=");
    using plain = await follow(account.client, "");
    await tell(server, account, [1]);
    const [, { id }] = await events.has(2);
    await server.stop();
    expect((await events.closed).code).toBe(1001);
    expect((await plain.closed).code).toBe(1001);
    expect(events.messages.at(-1)).toEqual({ event_type: "ended", reason: "shutting_down", cursor: id });
    expect(plain.messages).toHaveLength(1);
  });
});

describe("A slow reader", () => {
  /** An event is about 20 KB: what the system buffers is soon full. */
  const BYTES = 20_000;
  const open = (server: LunaServer, account: LunaAccount, query: string) =>
    RawSubscription.open(Number(new URL(server.url).port), query, {
      path: "/4/ws",
      headers: { "x-auth-token": account.token },
    });

  test("LUNA-WS-068 delays neither answers nor others, loses the oldest, and is told what it missed", async () => {
    const { server, account, gallery } = await started({}, { settings: { events: { outbox: "1MiB" } } });
    await using _ = server;
    using slow = await open(server, account, "?cursor=");
    using quick = await follow(account.client, "");
    slow.stall();
    for (let at = 0; at < 2_000; at += 50)
      await tell(
        server,
        account,
        upTo(50).map((each) => each + at),
        BYTES,
      );
    const since = performance.now();
    const id = await gallery.descriptor(near(1));
    expect(performance.now() - since).toBeLessThan(5_000);
    await quick.has(2_001);
    expect(numbers(quick.messages.slice(0, 2_000))).toEqual(upTo(2_000));
    expect(await server.server.metric("facewire_event_missed_total")).toBeGreaterThan(0);
    slow.read();
    await eventually(
      () => slow.messages.some((each: LunaJson) => each.result?.faces?.[0]?.id === id),
      "the last event",
    );
    const came = slow.messages as readonly LunaJson[];
    const notices = came.filter(({ event_type }: LunaJson) => event_type === "lagged");
    expect(notices.length).toBeGreaterThan(0);
    // What came and what was told of as missed are everything, and the newest events are there.
    const missed = notices.reduce((sum: number, notice: LunaJson) => sum + notice.missed, 0);
    const events = numbers(came).filter((number) => number < 2_000);
    expect(events.length + missed).toBe(2_000);
    expect(events).toEqual(events.toSorted((a, b) => a - b));
    expect(events.at(-1)).toBe(1_999);
    expect(await server.server.metric("facewire_event_missed_total")).toBe(missed);
    for (const [at, message] of came.entries()) {
      if (message.event_type !== "lagged") continue;
      const before = came.slice(0, at).findLast(({ id }: LunaJson) => id !== undefined);
      expect(message.after).toBe(before?.id ?? came[0].cursor);
      expect(Number(came[at + 1].id)).toBe(Number(message.until) + 1);
    }
  });

  test("that did not ask for cursors is sent nothing that is not documented", async () => {
    const { server, account } = await started({}, { settings: { events: { outbox: "64KiB" } } });
    await using _ = server;
    await tell(server, account, [0]);
    const opening = open(server, account, "");
    await eventually(async () => (await server.server.metric("facewire_event_subscribers")) === 1);
    await tell(server, account, [1]);
    using slow = await opening;
    slow.stall();
    for (let at = 2; at < 1_000; at += 50)
      await tell(
        server,
        account,
        upTo(50).map((each) => each + at),
        BYTES,
      );
    expect(await server.server.metric("facewire_event_missed_total")).toBeGreaterThan(0);
    slow.read();
    await eventually(() => numbers(slow.messages).includes(1_001), "the last event");
    for (const message of slow.messages as readonly LunaJson[]) expect(message.event_type).toBe("match");
  });
});

describe("Limits", () => {
  test("a token has so many WebSockets; more are refused with 12033, until one is closed, and others are not", async () => {
    const { server, account, gallery } = await started({ sockets: 3 });
    await using _ = server;
    const { client, basic } = account;
    const open = await Promise.all(upTo(3).map(() => follow(client, "")));
    const { status, body } = await refusal(client, "/4/ws");
    expect([status, body.error_code]).toEqual([403, 12033]);
    const { body: second } = await basic.post("/4/account/tokens", { token_data: "second" });
    using byLogin = await follow(basic, "");
    using byToken = await follow(server.as({ token: second.token }), "");
    open[0]!.close();
    await open[0]!.closed;
    let again: LunaEvents | undefined;
    await eventually(async () => {
      again ??= await follow(client, "").catch(() => undefined);
      return again !== undefined;
    });
    await gallery.descriptor(near(1));
    for (const each of [byLogin, byToken, open[1]!, open[2]!, again!]) await each.has(1);
    for (const each of [...open, again!]) each[Symbol.dispose]();
  });

  test("an account has so many WebSockets with all its tokens; other accounts have their own", async () => {
    const { server, account } = await started({ account_sockets: 2 });
    await using _ = server;
    using first = await follow(account.client, "");
    using _second = await follow(account.basic, "");
    const { body: token } = await account.basic.post("/4/account/tokens", { token_data: "third" });
    const third = server.as({ token: token.token });
    const { status, body } = await refusal(third, "/4/ws");
    expect([status, body.error_code]).toEqual([403, 12033]);
    using _theirs = await follow((await server.newAccount()).client, "");
    first.close();
    await first.closed;
    await eventually(async () => (await follow(third, "").catch(() => undefined)) !== undefined);
  });

  test("five hundred attempts at once from one token get no more than their places, and hurt nobody", async () => {
    const { server, account } = await started({ sockets: 20 });
    await using _ = server;
    const other = await server.newAccount();
    using theirs = await follow(other.client, "");
    const attempts = await Promise.allSettled(upTo(500).map(() => follow(account.client, "")));
    const open = attempts.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
    expect(open).toHaveLength(20);
    await new Gallery(other).descriptor(near(1));
    await theirs.has(1);
    using another = await follow(other.client, "");
    for (const each of open) each[Symbol.dispose]();
    expect(another.messages).toEqual([]);
  });

  test("refusals and failures behind the limit give the place back", async () => {
    const { server, account } = await started({ sockets: 1 });
    await using _ = server;
    for (let at = 0; at < 5; at++) {
      expect((await refusal(account.client, "/4/ws", { cursor: "x" })).status).toBe(400);
      expect((await refusal(account.client, "/4/ws", { gender: "x" })).status).toBe(400);
    }
    using _events = await follow(account.client, "");
  });
});
