/** `GET /v1/events` over real connections: what is refused before the upgrade, and how a subscription behaves. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { EventPageSchema } from "../../../src/api/native/schemas/events.ts";
import type { Tokens } from "../../../src/store/tokens.ts";
import { newEvent } from "../../events/stored.ts";
import { RawSubscription } from "../../support/raw-subscription.ts";
import { eventually, rejection } from "../../support/settle.ts";
import { Subscription } from "../../support/subscription.ts";
import { type RawAnswer, RawClient } from "./raw-client.ts";
import { scriptedEngine } from "./scripted-engine.ts";
import { type Served, serveNative } from "./serve.ts";

const HANDSHAKE = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** Asks for a WebSocket and gives the plain answer; `headers` replace those of the handshake, empty ones are left out. */
async function handshake(port: number, query = "", headers: Record<string, string> = {}): Promise<RawAnswer> {
  const client = await RawClient.connect(port);
  const sent = Object.entries({ ...HANDSHAKE, ...headers }).filter(([, value]) => value !== "");
  await client.head("GET", `/v1/events${query}`, Object.fromEntries(sent));
  const answer = await client.answer();
  client.leave();
  return answer;
}

const codeOf = ({ body }: RawAnswer) => (JSON.parse(body) as { error: { code: string } }).error.code;

describe("A WebSocket is refused before the upgrade, with a plain answer,", () => {
  let served: Served;
  beforeAll(async () => {
    served = await serveNative(scriptedEngine());
    await served.events.recorder.record([0, 1, 2, 3].map((item) => newEvent(item)));
    await served.store.events.prune({ olderThan: 0, keep: 2 });
  });
  afterAll(() => served[Symbol.asyncDispose]());

  test.each([
    ["an unknown type", "?type=face.seen", 400, "request_invalid"],
    ["an unknown group", "?type=faces.*", 400, "request_invalid"],
    ["an unknown verdict", "?verdict=alive", 400, "request_invalid"],
    ["a name that no pipeline can have", "?pipeline=No%20Name", 400, "request_invalid"],
    ["an unknown parameter", "?types=face.*", 400, "request_invalid"],
    ["a page's parameter", "?limit=5", 400, "request_invalid"],
    ["a cursor that is given twice", "?cursor=2&cursor=3", 400, "request_invalid"],
    ["a cursor that is none", "?cursor=abc", 400, "request_invalid"],
    ["a cursor of the future", "?cursor=5", 400, "request_invalid"],
    ["an expired cursor", "?cursor=1", 410, "cursor_expired"],
  ])("for %s", async (_, query, status, code) => {
    const answer = await handshake(served.port, query);
    expect([answer.status, codeOf(answer)]).toEqual([status, code]);
  });

  test("that tells the oldest cursor when one has expired", async () => {
    const { body } = await handshake(served.port, "?cursor=0");
    expect(JSON.parse(body)).toMatchObject({ error: { details: { oldest: "2" } } });
  });

  test("for another version of the protocol, naming the right one", async () => {
    const answer = await handshake(served.port, "", { "Sec-WebSocket-Version": "8" });
    expect([answer.status, codeOf(answer), answer.headers["sec-websocket-version"]]).toEqual([
      426,
      "upgrade_required",
      "13",
    ]);
  });

  test.each([
    ["without a key", { "Sec-WebSocket-Key": "" }],
    ["with a broken key", { "Sec-WebSocket-Key": "short" }],
    ["that does not ask for an upgrade of the connection", { Connection: "keep-alive" }],
  ])("for a handshake %s", async (_, headers) => {
    const answer = await handshake(served.port, "", headers);
    expect([answer.status, codeOf(answer)]).toEqual([400, "request_invalid"]);
  });

  test("for a page of another origin that acts through its visitor's browser", async () => {
    const answer = await handshake(served.port, "", { Origin: "https://evil.example" });
    expect([answer.status, codeOf(answer)]).toEqual([403, "origin_refused"]);
    const rebound = await handshake(served.port, "", { Host: "evil.example", Origin: "http://evil.example" });
    expect([rebound.status, codeOf(rebound)]).toEqual([403, "origin_refused"]);
  });

  test("and the server's own page may connect", async () => {
    const answer = await handshake(served.port, "", { Origin: "http://localhost", Host: "localhost" });
    expect(answer.status).toBe(101);
  });

  test("with the request's id and the safe headers on the upgrade as on any answer", async () => {
    const answer = await handshake(served.port, "", { "X-Request-Id": "my-id" });
    expect(answer.status).toBe(101);
    expect(answer.headers).toMatchObject({ "x-request-id": "my-id", "x-content-type-options": "nosniff" });
    await eventually(() => served.logs.some((line) => line.request === "my-id" && line.status === 101));
  });

  test("while an upgrade to something else is no WebSocket and is answered as a page", async () => {
    const answer = await handshake(served.port, "", { Upgrade: "h2c" });
    expect(answer.status).toBe(200);
  });
});

describe("Beyond loopback a subscription", () => {
  let served: Served;
  const secrets: Record<string, string> = {};
  beforeAll(async () => {
    const prepare = async (tokens: Tokens) => {
      for (const role of ["read", "run"] as const) secrets[role] = (await tokens.create({ role, name: role })).secret;
    };
    served = await serveNative(scriptedEngine(), { listen: { host: "0.0.0.0", port: 0 }, prepare });
  });
  afterAll(() => served[Symbol.asyncDispose]());

  test("needs a token, which is checked before anything else is said", async () => {
    const none = await handshake(served.port, "?cursor=99");
    expect([none.status, codeOf(none), none.headers["www-authenticate"]]).toEqual([
      401,
      "unauthorized",
      'Bearer realm="facewire"',
    ]);
    const wrong = await handshake(served.port, "", { Authorization: "Bearer fw_wrong" });
    expect([wrong.status, codeOf(wrong)]).toEqual([401, "unauthorized"]);
  });

  test("is open to every role", async () => {
    for (const role of ["read", "run"]) {
      const url = `http://127.0.0.1:${served.port}`;
      using subscription = await Subscription.open(url, "", { authorization: `Bearer ${secrets[role]}` });
      expect(subscription.messages).toHaveLength(1);
    }
  });
});

test("one subscription more than allowed is refused with Retry-After, and one that ends makes room", async () => {
  await using served = await serveNative(scriptedEngine(), { env: { FACEWIRE_EVENTS_SUBSCRIBERS: "1" } });
  const first = await Subscription.open(served.url);
  const answer = await handshake(served.port);
  expect([answer.status, codeOf(answer)]).toEqual([503, "overloaded"]);
  expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
  first.cut();
  await eventually(() => first.messages.length > 0);
  let second: Subscription | undefined;
  while (!second) second = await Subscription.open(served.url).catch(() => undefined);
  second.close();
});

describe("A subscription", () => {
  test("takes filters several times or with commas, and groups of types", async () => {
    await using served = await serveNative(scriptedEngine());
    using some = await Subscription.open(served.url, "?type=item.*&request=a,b&request=c&pipeline=gate");
    using none = await Subscription.open(served.url, "?type=face.*,job.created");
    using last = await Subscription.open(served.url, "?request=d");
    for (const request of ["a", "x", "b", "c", "d"]) await served.events.recorder.record([newEvent(0, { request })]);
    await last.has(1);
    await some.has(3);
    expect(some.events.map(({ request }) => request)).toEqual(["a", "b", "c"]);
    expect(none.events).toEqual([]);
  });

  test("answers a client that talks with an error, and ends with one that does not stop", async () => {
    await using served = await serveNative(scriptedEngine());
    using subscription = await Subscription.open(served.url);
    subscription.send("hello");
    expect(await subscription.has("subscription.error")).toMatchObject({ error: { code: "request_invalid" } });
    for (let sent = 0; sent < 20; sent++) subscription.send("hello");
    expect((await subscription.closed).code).toBe(1008);
    expect(subscription.messages.length).toBeLessThan(15);
  });

  test("is closed on a message of a client that is larger than any should be", async () => {
    await using served = await serveNative(scriptedEngine());
    using subscription = await Subscription.open(served.url);
    subscription.send("x".repeat(100_000));
    await subscription.closed;
    using next = await Subscription.open(served.url);
    expect(next.messages).toHaveLength(1);
  });

  test("is pinged, and one whose other end gives no sign of life is closed", async () => {
    await using served = await serveNative(scriptedEngine(), { env: { FACEWIRE_EVENTS_PING: "100ms" } });
    const silent = await RawSubscription.open(served.port);
    using alive = await Subscription.open(served.url);
    await eventually(() => silent.gone, "the silent one is cut off", 10_000);
    expect(silent.pings).toBeGreaterThan(0);
    await served.events.recorder.record([newEvent(0)]);
    await alive.has(1);
  });

  test("whose reader takes nothing for too long is closed, although much still waits for it", async () => {
    await using served = await serveNative(scriptedEngine(), { env: { FACEWIRE_EVENTS_PING: "200ms" } });
    using asleep = await RawSubscription.open(served.port);
    asleep.stall();
    for (let sent = 0; sent < 10; sent++) {
      await served.events.recorder.record(Array.from({ length: 50 }, (_, item) => newEvent(item, {}, 20_000)));
    }
    while (!/^facewire_event_subscribers 0$/m.test(await metrics(served))) await Bun.sleep(5);
  });

  test("ends with a last message and 1001 when the server stops, and resumes where that says", async () => {
    await using served = await serveNative(scriptedEngine());
    using subscription = await Subscription.open(served.url);
    using silent = await RawSubscription.open(served.port);
    silent.stall();
    await served.events.recorder.record([newEvent(0)]);
    expect(await served.api.stop(10_000)).toBe(0);
    expect(await subscription.closed).toMatchObject({ code: 1001 });
    expect(subscription.messages.at(-1)).toEqual({ type: "subscription.ended", reason: "shutting_down", cursor: "1" });
  });

  test("of a client that leaves is forgotten", async () => {
    await using served = await serveNative(scriptedEngine());
    const subscription = await Subscription.open(served.url);
    subscription.cut();
    while (!/^facewire_event_subscribers 0$/m.test(await metrics(served))) await Bun.sleep(1);
  });
});

async function metrics(served: Served): Promise<string> {
  return (await fetch(`${served.url}/metrics`)).text();
}

describe("A page of events", () => {
  test("has the documented form, the events of the filter, and the cursors to go on from", async () => {
    await using served = await serveNative(scriptedEngine());
    await served.events.recorder.record(["a", "b", "a"].map((request) => newEvent(0, { request })));
    const { status, headers, body } = await served.json("/v1/events?request=a&limit=1");
    expect(status).toBe(200);
    expect(headers.get("content-type")).toStartWith("application/json");
    expect([...Value.Errors(EventPageSchema, body)]).toEqual([]);
    expect(body).toMatchObject({ events: [{ id: "1" }], next: "1", oldest: "0", latest: "3" });
    const next = await served.json("/v1/events?request=a&limit=1&cursor=1");
    expect(next.body).toMatchObject({ events: [{ id: "3" }], next: null });
    const back = await served.json("/v1/events?order=desc&limit=2");
    expect(back.body).toMatchObject({ events: [{ id: "3" }, { id: "2" }], next: "2" });
  });

  test("is empty before anything happened", async () => {
    await using served = await serveNative(scriptedEngine());
    const { body } = await served.json("/v1/events");
    expect(body).toMatchObject({ events: [], next: null, oldest: "0", latest: "0" });
  });

  test.each([
    ["?limit=0", 400],
    ["?limit=1001", 400],
    ["?limit=x", 400],
    ["?order=up", 400],
    ["?cursor=", 400],
    ["?cursor=1", 400],
    [`?request=${Array.from({ length: 101 }, (_, at) => `r${at}`).join(",")}`, 400],
  ])("is refused for %s", async (query, status) => {
    await using served = await serveNative(scriptedEngine());
    expect((await served.json(`/v1/events${query}`)).status).toBe(status);
  });
});

test("a WebSocket of an address that has none is answered as the address answers", async () => {
  await using served = await serveNative(scriptedEngine());
  const error = await rejection(
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`${served.url.replace("http", "ws")}/v1/pipelines`);
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error("refused"));
    }),
  );
  expect(error.message).toBe("refused");
});
