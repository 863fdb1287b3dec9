/** The events of an account over WebSocket: who may follow, what comes, what filters let pass. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { forEachFace, scripted, scriptedByMark, testPicture } from "../../../src/testing/index.ts";
import {
  basicOf,
  type LunaAccount,
  type LunaAnswer,
  type LunaClient,
  type LunaJson,
} from "../../support/luna/client.ts";
import { checkEvent } from "../../support/luna/contract.ts";
import { LunaEvents, refusal, UPGRADE } from "../../support/luna/events.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";
import { Gallery, near } from "../../support/luna/vectors.ts";
import { RawSubscription } from "../../support/raw-subscription.ts";
import { eventually } from "../../support/settle.ts";

const ADDRESSES = ["/4/ws", "/api/subscribe"];
const UNKNOWN = "11111111-2222-4333-8444-555555555555";

/** Faces that the pictures with these marks have; ages and genders are as the models are scripted. */
const LEFT = { box: [80, 140, 160, 190], score: 0.97 } as const;
const RIGHT = { box: [380, 140, 160, 190], score: 0.95 } as const;
const [MAN30, WOMAN20] = [
  { age: 30, gender: "male" },
  { age: 20, gender: "female" },
] as const;
const models = {
  "detector-default": scriptedByMark({ pair: [LEFT, RIGHT], none: [], "*": [LEFT] }),
  "attributes-default": scriptedByMark({
    woman20: WOMAN20,
    man29: { ...MAN30, age: 29 },
    man31: { ...MAN30, age: 31 },
    pair: forEachFace(MAN30, WOMAN20),
    "*": MAN30,
  }),
  "descriptor-default": scriptedByMark({ "*": { descriptor: [...near(1)] } }),
  "*": scripted(),
};
type Shown = "man30" | "woman20" | "man29" | "man31" | "pair" | "none";

let server: LunaServer;
let account: LunaAccount;
let client: LunaClient;
let gallery: Gallery;
/** The first axis, and people by falling likeness to it. */
let d: string;
let persons: string;
let descriptors: string;
const people: { readonly id: string; readonly descriptors: readonly string[] }[] = [];
const pictures = new Map<Shown, Uint8Array>();

beforeAll(async () => {
  for (const mark of ["man30", "woman20", "man29", "man31", "pair", "none"] as const) {
    pictures.set(mark, await testPicture({ mark, format: "jpeg", faces: [LEFT, RIGHT] }));
  }
  server = await startLuna({ shipped: ["luna-extract", "luna-warp", "luna-liveness"], models });
  account = await server.newAccount();
  ({ client } = account);
  gallery = new Gallery(account);
  d = await gallery.descriptor(near(1));
  persons = await gallery.list("persons", [], "everybody");
  for (const [i, cosine] of [0.8, 0.5, -0.2].entries()) {
    people.push(await gallery.person(`person ${i}`, [near(cosine, i + 2)], [persons]));
  }
  descriptors = await gallery.list(
    "descriptors",
    people.map((person) => person.descriptors[0]!),
    "wanted",
  );
});
afterAll(() => server.stop());

const told = ({ status, body }: LunaAnswer) => [status, body?.error_code];
const follow = (query = "", as = client) => LunaEvents.open(as, `/4/ws${query === "" ? "" : `?${query}`}`);
const extract = (shown: Shown, query: Readonly<Record<string, string | number>> = {}, as = client) =>
  as.call("POST", "/4/storage/descriptors", { body: pictures.get(shown)!, type: "image/jpeg", query });
const withAttributes = (shown: Shown) => extract(shown, { estimate_attributes: 1 });
const search = (query: Readonly<Record<string, string | number>>, shown: Shown = "man30", as = client) =>
  as.call("POST", "/4/matching/search", { body: pictures.get(shown)!, type: "image/jpeg", query });
const match = (
  operation: "verify" | "identify" | "match",
  query: Readonly<Record<string, string | number>>,
  as = client,
) => as.call("POST", `/4/matching/${operation}`, { query });
const identify = (as = client) => match("identify", { descriptor_id: d, list_id: persons }, as);

/** What a subscription with this query gets of some requests, in their order. */
async function got(query: string, ...requests: readonly (() => Promise<LunaAnswer>)[]): Promise<readonly LunaJson[]> {
  using events = await follow(query);
  using all = await follow();
  for (const request of requests) {
    const { status, body } = await request();
    if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
  }
  await all.has(requests.length);
  await server.server.app.events.feed.settled();
  return await events.read();
}

const sources = (events: readonly LunaJson[]) => events.map(({ source }: LunaJson) => source);

describe("Subscribing", () => {
  test("LUNA-WS-001 with a token gives a WebSocket", async () => {
    using _ = await follow();
  });

  test("LUNA-WS-002 with a login gives a WebSocket", async () => {
    using _ = await follow("", account.basic);
  });

  test("LUNA-WS-003 without credentials is refused with 12010 before the upgrade", async () => {
    for (const address of ADDRESSES) expect(told(await refusal(server, address))).toEqual([401, 12010]);
  });

  test("LUNA-WS-004 with bad credentials is refused with the code of what is wrong", async () => {
    const headers = (authorization: string) => ({ headers: { ...UPGRADE, authorization } });
    expect(told(await server.call("GET", "/4/ws", headers("Basic ???")))).toEqual([401, 36002]);
    expect(told(await server.call("GET", "/4/ws", headers(basicOf("nobody@example.org:password"))))).toEqual([
      401, 11002,
    ]);
    expect(told(await refusal(server.as({ token: UNKNOWN }), "/4/ws"))).toEqual([401, 11002]);
    expect(told(await refusal(server.as({ token: "token" }), "/4/ws"))).toEqual([401, 12001]);
    const suspended = await server.newAccount();
    const { accounts } = server.server.app.store.gallery;
    await accounts.setSuspended((await accounts.byEmail(suspended.email))!.id, true);
    expect(told(await refusal(suspended.client, "/4/ws"))).toEqual([401, 11004]);
  });

  test("LUNA-WS-005 is refused with 36005 where subscriptions are off", async () => {
    await using off = await startLuna({ shipped: false, settings: { luna: { websocket: false } } });
    for (const address of ADDRESSES) {
      const { status, body } = await refusal(off, address);
      expect([status, body.error_code, body.detail]).toEqual([403, 36005, "WS subscription is disabled"]);
    }
  });

  test.each([
    ["LUNA-WS-006", "event_type", "foo"],
    ["LUNA-WS-006", "event_type", ""],
    ["LUNA-WS-007", "gender", "x"],
    ["LUNA-WS-007", "age__gt", "x"],
    ["LUNA-WS-007", "age__lt", "NaN"],
    ["LUNA-WS-007", "glasses__gt", ""],
    ["LUNA-WS-007", "glasses__lt", "x"],
    ["LUNA-WS-007", "similarity__gt", "x"],
    ["LUNA-WS-007", "similarity__gt", "1.1"],
    ["LUNA-WS-007", "similarity__gt", "-0.1"],
    ["LUNA-WS-007", "list", "staff"],
    ["LUNA-WS-007", "observe", "everybody"],
    ["LUNA-WS-007", "observe", `basic,,${UNKNOWN}`],
    ["a cursor that was never given out", "cursor", "x"],
    ["a cursor that was never given out", "cursor", "999999999"],
  ])("%s %s=%s is refused with 12012 before the upgrade", async (_, name, value) => {
    for (const address of ADDRESSES) {
      const { status, body } = await refusal(client, address, { [name]: value });
      expect([status, body.error_code, body.detail]).toEqual([400, 12012, `Bad query parameters '${name}'`]);
    }
  });

  test("LUNA-WS-008 without the headers of an upgrade is refused with 12046", async () => {
    for (const address of ADDRESSES) expect(told(await client.get(address))).toEqual([400, 12046]);
    const old = { ...UPGRADE, "sec-websocket-version": "8" };
    expect(told(await client.call("GET", "/4/ws", { headers: old }))).toEqual([400, 12046]);
  });

  test("LUNA-WS-009 /4/ws takes no credentials from its query", async () => {
    const query = { auth_token: account.token, basic: basicOf(`${account.email}:${account.password}`) };
    expect(told(await refusal(server, "/4/ws", query))).toEqual([401, 12010]);
  });

  test("LUNA-WS-010 /api/subscribe takes a token from its query", async () => {
    using _ = await LunaEvents.open(server, `/api/subscribe?auth_token=${account.token}`);
  });

  test("LUNA-WS-011 /api/subscribe takes a login from its query", async () => {
    const basic = encodeURIComponent(basicOf(`${account.email}:${account.password}`));
    using _ = await LunaEvents.open(server, `/api/subscribe?basic=${basic}`);
  });

  test("LUNA-WS-012 a header goes before a token of the query", async () => {
    using _ = await LunaEvents.open(client, "/api/subscribe?auth_token=wrong");
    using __ = await LunaEvents.open(account.basic, `/api/subscribe?auth_token=${UNKNOWN}`);
  });

  test("LUNA-WS-013 a token of the query goes before its login: events are those of the token's account", async () => {
    const other = await server.newAccount();
    const basic = encodeURIComponent(basicOf(`${other.email}:${other.password}`));
    using events = await LunaEvents.open(server, `/api/subscribe?auth_token=${account.token}&basic=${basic}`);
    await new Gallery(other).descriptor(near(1));
    const id = await gallery.descriptor(near(1));
    expect((await events.next()).result.faces[0].id).toBe(id);
  });

  test("access logs hold no credentials of a query", async () => {
    using _ = await LunaEvents.open(server, `/api/subscribe?auth_token=${account.token}`);
    expect(server.server.logs.text()).not.toContain(account.token);
  });
});

describe("The connection", () => {
  test("LUNA-WS-014 is pinged; a client that answers stays connected through fifty pings", async () => {
    await using quick = await startLuna({ shipped: false, settings: { luna: { ping: "100ms" } } });
    const own = await quick.newAccount();
    using events = await follow("", own.client);
    using raw = await RawSubscription.open(Number(new URL(quick.url).port), "?cursor=", {
      path: "/4/ws",
      headers: { "x-auth-token": own.token },
      pongs: true,
    });
    await eventually(() => raw.pings >= 50, "fifty pings");
    expect(raw.gone).toBe(false);
    const id = await new Gallery(own).descriptor(near(1));
    expect((await events.next()).result.faces[0].id).toBe(id);
  });

  test("LUNA-WS-015 of a client that does not answer two pings is cut", async () => {
    await using quick = await startLuna({ shipped: false, settings: { luna: { ping: "100ms" } } });
    const own = await quick.newAccount();
    using raw = await RawSubscription.open(Number(new URL(quick.url).port), "?cursor=", {
      path: "/4/ws",
      headers: { "x-auth-token": own.token },
    });
    await eventually(() => raw.gone, "the connection is cut");
    expect(raw.pings).toBeGreaterThan(0);
  });

  test("LUNA-WS-016 stays when a client sends texts and bytes", async () => {
    using events = await follow();
    for (let i = 0; i < 50; i++) {
      events.send("hello");
      events.send(new Uint8Array([1, 2, 3]));
    }
    await gallery.descriptor(near(1));
    await events.has(1);
  });

  test("LUNA-WS-017 carries each event as one text that is one JSON object", async () => {
    using events = await follow();
    for (let i = 0; i < 5; i++) await gallery.descriptor(near(1));
    for (const event of await events.has(5)) expect(event).toBeInstanceOf(Object);
    expect(events.binary).toBe(0);
    for (const text of events.texts) expect(text).toMatch(/^\{"event_type":"extract","source":"descriptors",/);
  });
});

describe("What comes", () => {
  test("LUNA-WS-018 storing descriptors gives an extract event of source descriptors", async () => {
    const [event] = await got("", () => extract("man30"));
    expect([event.event_type, event.source]).toEqual(["extract", "descriptors"]);
  });

  test("LUNA-WS-019 an extract event has neither template nor candidate", async () => {
    const [event] = await got("", () => extract("man30"));
    expect(Object.keys(event)).toEqual(["event_type", "source", "timestamp", "authorization", "result"]);
  });

  test("LUNA-WS-020 the result of an extract event is the body of the answer", async () => {
    using events = await follow();
    const { body } = await extract("pair", { estimate_attributes: 1, estimate_quality: 1, extract_exif: 1 });
    const event = await events.next();
    expect(JSON.stringify(event.result)).toBe(JSON.stringify(body));
    expect(body.faces).toHaveLength(2);
    expect(body.exif).toBeDefined();
  });

  test("LUNA-WS-021 LUNA-WS-022 LUNA-WS-023 a search gives one match event with the new face and the answer's body", async () => {
    using events = await follow();
    const { body } = await search({ list_id: persons, estimate_attributes: 1 });
    await gallery.descriptor(near(1));
    const [event, next] = await events.has(2);
    expect([event.event_type, event.source, next.source]).toEqual(["match", "search", "descriptors"]);
    expect(event.template).toEqual({ descriptor_id: body.face.id });
    expect(event.candidate).toEqual({ list_id: persons, list_data: "everybody", list_type: 1 });
    expect(JSON.stringify(event.result)).toBe(JSON.stringify(body));
    expect(body.candidates.length).toBeGreaterThan(0);
  });

  test("LUNA-WS-024 LUNA-WS-025 identify tells what was looked for and the list", async () => {
    const [byDescriptor, byPerson] = await got(
      "",
      () => identify(),
      () => match("identify", { person_id: people[0]!.id, list_id: persons }),
    );
    expect(byDescriptor.source).toBe("identify");
    expect(byDescriptor.template).toEqual({ descriptor_id: d });
    expect(byPerson.template).toEqual({ person_id: people[0]!.id });
    for (const { candidate } of [byDescriptor, byPerson]) {
      expect(candidate).toEqual({ list_id: persons, list_data: "everybody", list_type: 1 });
    }
  });

  test("LUNA-WS-026 identify among people tells their ids", async () => {
    const ids = people.map(({ id }) => id);
    const [event] = await got("", () => match("identify", { descriptor_id: d, person_ids: ids.join(",") }));
    expect(event.candidate).toEqual({ person_ids: ids });
  });

  test("LUNA-WS-027 LUNA-WS-029 match with a list tells its type 0 and the person that was looked for", async () => {
    const [event] = await got("", () => match("match", { person_id: people[0]!.id, list_id: descriptors }));
    expect(event.source).toBe("match");
    expect(event.template).toEqual({ person_id: people[0]!.id });
    expect(event.candidate).toEqual({ list_id: descriptors, list_data: "wanted", list_type: 0 });
  });

  test("LUNA-WS-028 match among descriptors tells their ids", async () => {
    const ids = people.map((person) => person.descriptors[0]!);
    const [event] = await got("", () => match("match", { descriptor_id: d, descriptor_ids: ids.join(",") }));
    expect(event.template).toEqual({ descriptor_id: d });
    expect(event.candidate).toEqual({ descriptor_ids: ids });
  });

  test("LUNA-WS-030 verify tells the descriptor, the person and at most one candidate", async () => {
    const { id: nobody } = await gallery.person("nobody");
    const [found, none] = await got(
      "",
      () => match("verify", { descriptor_id: d, person_id: people[0]!.id }),
      () => match("verify", { descriptor_id: d, person_id: nobody }),
    );
    expect(found.source).toBe("verify");
    expect(found.template).toEqual({ descriptor_id: d });
    expect(found.candidate).toEqual({ person_id: people[0]!.id });
    expect(found.result.candidates).toHaveLength(1);
    expect(none.result.candidates).toEqual([]);
  });

  test("events have the described form, their members in the documented order", async () => {
    const events = await got(
      "",
      () => identify(),
      () => search({ descriptor_ids: d }),
      () => match("verify", { descriptor_id: d, person_id: people[0]!.id }),
      () => match("match", { descriptor_id: d, list_id: descriptors }),
    );
    const order = ["event_type", "source", "timestamp", "authorization", "template", "candidate", "result"];
    for (const event of events) {
      expect(Object.keys(event)).toEqual(order);
      checkEvent(event);
    }
    const [extraction] = await got("", () => extract("pair", { estimate_attributes: 1, estimate_quality: 1 }));
    checkEvent(extraction);
  });

  test("LUNA-WS-031 LUNA-WS-032 authorization tells how the request proved itself", async () => {
    const { body } = await account.basic.post("/4/account/tokens", { token_data: "For south camera" });
    const camera = server.as({ token: body.token });
    const [basic, token] = await got(
      "",
      () => identify(account.basic),
      () => identify(camera),
    );
    expect(basic.authorization).toBe("basic");
    const { tokens } = (await account.basic.get("/4/account/tokens", { page_size: 100 })).body;
    const { id } = tokens.find((each: LunaJson) => each.token_data === "For south camera");
    expect(token.authorization).toEqual({ token_id: id, token_data: "For south camera" });
    expect(JSON.stringify(token)).not.toContain(body.token);
  });

  test("LUNA-WS-033 timestamp is the time of the request in seconds", async () => {
    const before = Date.now() / 1000;
    const [event] = await got("", () => identify());
    expect(event.timestamp).toBeGreaterThanOrEqual(before - 0.001);
    expect(event.timestamp).toBeLessThanOrEqual(before + 2);
  });

  test("LUNA-WS-034 no event names its account", async () => {
    const { id } = (await server.server.app.store.gallery.accounts.byEmail(account.email))!;
    for (const event of await got(
      "",
      () => identify(),
      () => extract("man30"),
    )) {
      expect(JSON.stringify(event)).not.toContain("account");
      expect(JSON.stringify(event)).not.toContain(id);
    }
  });

  test("LUNA-WS-035 requests that failed give no event", async () => {
    using events = await follow();
    const failed = [
      await extract("none"),
      await search({ list_id: persons }, "pair"),
      await search({ list_id: UNKNOWN }),
      await match("identify", { descriptor_id: d }),
      await match("match", { descriptor_id: UNKNOWN, list_id: descriptors }),
    ];
    expect(failed.map(told)).toEqual([
      [500, 4003],
      [400, 11012],
      [400, 22003],
      [400, 12016],
      [400, 11018],
    ]);
    const id = await gallery.descriptor(near(1));
    expect((await events.next()).result.faces[0].id).toBe(id);
  });

  test("LUNA-WS-036 a match without candidates gives an event without candidates", async () => {
    const empty = await gallery.list("persons");
    const [event] = await got("", () => match("identify", { descriptor_id: d, list_id: empty }));
    expect(event.result).toEqual({ candidates: [] });
  });

  test("LUNA-WS-037 another account's requests give no event, nor do native subscribers see any", async () => {
    const other = await server.newAccount();
    const others = new Gallery(other);
    using events = await follow();
    using theirs = await follow("", other.client);
    const foreign = await others.descriptor(near(1));
    const own = await gallery.descriptor(near(1));
    expect((await events.next()).result.faces[0].id).toBe(own);
    expect((await theirs.next()).result.faces[0].id).toBe(foreign);
    const native = await server.server.events.all({});
    expect(native.filter(({ type }) => String(type).startsWith("luna."))).toEqual([]);
    const page = await server.server.json<{ events: { type: string }[] }>("/v1/events?order=desc&limit=1000");
    expect(page.body.events.filter(({ type }) => type.startsWith("luna."))).toEqual([]);
  });

  test("LUNA-WS-038 handlers and liveness give no event", async () => {
    const raw = { id: "a", type: "sdk_descriptor", data: Buffer.from("x").toString("base64") };
    using events = await follow();
    const body = pictures.get("man30")!;
    const type = "image/jpeg";
    const sent = [
      await client.call("POST", "/4/liveness", { body, type }),
      await client.call("POST", "/4/handlers/extractor", { body, type }),
      await client.call("POST", "/4/handlers/identify", { body, type }),
      await client.call("POST", "/4/handlers/verify", { body, type, query: { person_id: people[0]!.id } }),
      await client.post("/4/handlers/verify/raw", { references: [raw], candidates: [raw] }),
    ];
    expect(sent.map(({ status }) => status)).toEqual([200, 201, 201, 201, 400]);
    const id = await gallery.descriptor(near(1));
    expect((await events.next()).result.faces[0].id).toBe(id);
  });

  test("LUNA-WS-039 all subscribers of an account get an event", async () => {
    using first = await follow();
    using second = await follow("", account.basic);
    await gallery.descriptor(near(1));
    expect(await first.next()).toEqual(await second.next());
  });

  test("LUNA-WS-040 events from before a subscription are not delivered", async () => {
    for (let i = 0; i < 3; i++) await gallery.descriptor(near(1));
    using events = await follow();
    const id = await gallery.descriptor(near(1));
    const [event] = await events.has(1);
    expect(event.result.faces[0].id).toBe(id);
  });

  test("LUNA-WS-041 an event comes within a second of the answer", async () => {
    using events = await follow();
    await identify();
    const answered = performance.now();
    await events.next();
    expect(performance.now() - answered).toBeLessThan(1_000);
  });

  test("events come in the order in which requests were answered", async () => {
    using events = await follow();
    const ids: string[] = [];
    for (let i = 0; i < 20; i++) ids.push(await gallery.descriptor(near(1)));
    const came = await events.has(20);
    expect(came.map(({ result }: LunaJson) => result.faces[0].id)).toEqual(ids);
    const times = came.map(({ timestamp }: LunaJson) => timestamp);
    expect(times).toEqual(times.toSorted((a: number, b: number) => a - b));
  });
});

describe("Filters", () => {
  test("LUNA-WS-042 event_type lets pass one of the two", async () => {
    const requests = [() => extract("man30"), () => identify(), () => search({ list_id: persons })];
    expect(sources(await got("event_type=match", ...requests))).toEqual(["identify", "search"]);
    expect(sources(await got("event_type=extract", ...requests))).toEqual(["descriptors"]);
  });

  test("LUNA-WS-043 LUNA-WS-044 LUNA-WS-045 LUNA-WS-046 observe lets pass what its tokens and logins do", async () => {
    const newToken = async (name: string) => {
      const { body } = await account.basic.post("/4/account/tokens", { token_data: name });
      const { tokens } = (await account.basic.get("/4/account/tokens", { page_size: 100 })).body;
      return { secret: body.token, id: tokens.find((each: LunaJson) => each.token_data === name).id };
    };
    const [north, south] = [await newToken("north"), await newToken("south")];
    const by = (token: string) => server.as({ token });
    const requests = [
      () => identify(by(north.secret)),
      () => identify(by(south.secret)),
      () => identify(account.basic),
      () => identify(by(north.secret)),
    ];
    const names = async (observe: string) =>
      (await got(`observe=${observe}`, ...requests)).map(({ authorization }: LunaJson) =>
        authorization === "basic" ? "basic" : authorization.token_data,
      );
    expect(await names(north.id)).toEqual(["north", "north"]);
    expect(await names(north.id.toUpperCase())).toEqual(["north", "north"]);
    // Clients written for LUNA know only the token itself.
    expect(await names(south.secret)).toEqual(["south"]);
    expect(await names("basic")).toEqual(["basic"]);
    expect(await names(`${south.id}%2Cbasic`)).toEqual(["south", "basic"]);
    expect(await names(UNKNOWN)).toEqual([]);
  });

  test.each([
    ["LUNA-WS-047", "gender=male", ["man30", "woman20"], [0]],
    ["LUNA-WS-048", "gender=female", ["man30", "woman20"], [1]],
    ["LUNA-WS-051", "age__gt=30", ["man29", "man30", "man31"], [1, 2]],
    ["LUNA-WS-052", "age__lt=30", ["man29", "man30", "man31"], [0, 1]],
    ["LUNA-WS-053", "age__gt=20&age__lt=30", ["woman20", "man29", "man30", "man31"], [0, 1, 2]],
    ["bounds that cross", "age__gt=31&age__lt=29", ["man29", "man30", "man31"], []],
    ["decimal bounds", "age__gt=29.5&age__lt=30.5", ["man29", "man30", "man31"], [1]],
    ["LUNA-WS-055", "gender=female&age__lt=20", ["man30", "pair"], [1]],
    ["LUNA-WS-056", "gender=female&age__gt=30", ["man30", "woman20", "pair"], []],
    ["LUNA-WS-066", "gender=male&age__gt=30&event_type=extract", ["man29", "man30", "woman20"], [1]],
    ["LUNA-WS-066", "gender=male&age__gt=30&event_type=match", ["man29", "man30", "woman20"], []],
    ["LUNA-WS-066", "gender=male&observe=basic", ["man30"], []],
  ] as const)("%s %s lets pass the faces that fit", async (_, query, shown, passed) => {
    const ids: string[] = [];
    const came = await got(
      query,
      ...shown.map((each) => async () => {
        const answer = await withAttributes(each);
        ids.push(answer.body.faces[0].id);
        return answer;
      }),
    );
    expect(came.map(({ result }: LunaJson) => result.faces[0].id)).toEqual(passed.map((at) => ids[at]!));
  });

  test("LUNA-WS-049 LUNA-WS-050 events without estimates are dropped by filters of faces", async () => {
    for (const query of ["gender=male", "age__gt=0", "age__lt=100", "glasses__gt=0"]) {
      const came = await got(
        query,
        () => extract("man30"),
        () => identify(),
        () => search({ list_id: persons }),
      );
      expect([query, came]).toEqual([query, []]);
    }
    expect(sources(await got("gender=male", () => search({ list_id: persons, estimate_attributes: 1 })))).toEqual([
      "search",
    ]);
  });

  test("LUNA-WS-054 bounds of glasses belong to the range, and events without an estimate are dropped", async () => {
    // No model of ours estimates glasses: the events are told as a request would tell them.
    const tell = async (eyeglasses: number | undefined) => {
      const { id } = (await server.server.app.store.gallery.accounts.byEmail(account.email))!;
      await server.server.app.events.recorder.record([
        {
          type: "luna.extract",
          account: id,
          data: {
            event_type: "extract",
            source: "descriptors",
            timestamp: 1,
            authorization: "basic",
            result: { faces: [{ id: UNKNOWN, attributes: { age: 30, gender: 0, eyeglasses } }] },
          },
        },
      ]);
      return { status: 201 } as LunaAnswer;
    };
    const passed = async (query: string) =>
      (
        await got(
          query,
          () => tell(0.2),
          () => tell(undefined),
          () => tell(0.5),
          () => tell(0.8),
        )
      ).map(({ result }: LunaJson) => result.faces[0].attributes.eyeglasses);
    expect(await passed("glasses__gt=0.5")).toEqual([0.5, 0.8]);
    expect(await passed("glasses__lt=0.5")).toEqual([0.2, 0.5]);
    expect(await passed("glasses__gt=0.5&glasses__lt=0.5")).toEqual([0.5]);
    expect(await passed("glasses__gt=0&glasses__lt=1")).toEqual([0.2, 0.5, 0.8]);
  });

  test("LUNA-WS-057 LUNA-WS-058 LUNA-WS-065 only candidates strictly above similarity__gt are left, for this subscriber", async () => {
    const { body } = await identify();
    const [first, second, third] = body.candidates.map(({ similarity }: LunaJson) => similarity);
    expect(first).toBeGreaterThan(second);
    using strict = await follow(`similarity__gt=${second}`);
    using loose = await follow(`similarity__gt=${third}`);
    using all = await follow();
    await identify();
    expect((await strict.next()).result.candidates).toEqual(body.candidates.slice(0, 1));
    expect((await loose.next()).result.candidates).toEqual(body.candidates.slice(0, 2));
    const whole = await all.next();
    expect(whole.result).toEqual(body);
    const [trimmed] = strict.messages;
    expect({ ...trimmed, result: body }).toEqual(whole);
    expect(Object.keys(trimmed)).toEqual(Object.keys(whole));
  });

  test("LUNA-WS-058 a candidate of exactly the similarity is removed, a search keeps its face", async () => {
    const { id } = (await server.server.app.store.gallery.accounts.byEmail(account.email))!;
    const candidates = [0.95, 0.9, 0.1].map((similarity) => ({ id: UNKNOWN, similarity }));
    using events = await follow("similarity__gt=0.9");
    await server.server.app.events.recorder.record([
      {
        type: "luna.match",
        account: id,
        data: {
          event_type: "match",
          source: "search",
          timestamp: 1,
          authorization: "basic",
          result: { candidates, face: { id: UNKNOWN } },
        },
      },
    ]);
    expect((await events.next()).result).toEqual({ candidates: candidates.slice(0, 1), face: { id: UNKNOWN } });
  });

  test("LUNA-WS-059 LUNA-WS-060 without a candidate left, and without candidates at all, an event is dropped", async () => {
    const empty = await gallery.list("persons");
    const requests = [
      () => match("verify", { descriptor_id: d, person_id: people[2]!.id }),
      () => match("identify", { descriptor_id: d, list_id: empty }),
      () => extract("man30"),
      () => identify(),
    ];
    expect(sources(await got("similarity__gt=0.5", ...requests))).toEqual(["identify"]);
    expect(sources(await got("similarity__gt=1", ...requests))).toEqual([]);
    expect(sources(await got("event_type=match&similarity__gt=0.5", ...requests))).toEqual(["identify"]);
  });

  test("LUNA-WS-061 LUNA-WS-064 similarity and list change nothing for extract events that are asked for", async () => {
    const requests = [() => extract("man30"), () => identify()];
    const query = `event_type=extract&similarity__gt=0.9&list=${UNKNOWN}`;
    expect(sources(await got(query, ...requests))).toEqual(["descriptors"]);
  });

  test("LUNA-WS-062 LUNA-WS-063 list lets pass match events whose candidate is that list", async () => {
    const other = await gallery.list("persons");
    const requests = [
      () => identify(),
      () => match("identify", { descriptor_id: d, list_id: other }),
      () => match("identify", { descriptor_id: d, person_ids: people[0]!.id }),
      () => match("match", { descriptor_id: d, list_id: descriptors }),
      () => extract("man30"),
      () => search({ list_id: persons }),
      () => match("verify", { descriptor_id: d, person_id: people[0]!.id }),
    ];
    expect(sources(await got(`list=${persons}`, ...requests))).toEqual(["identify", "search"]);
    expect(sources(await got(`list=${descriptors.toUpperCase()}`, ...requests))).toEqual(["match"]);
    expect(sources(await got(`list=${UNKNOWN}`, ...requests))).toEqual([]);
    expect(sources(await got(`list=${persons}&similarity__gt=1`, ...requests))).toEqual([]);
  });
});

describe("The end of credentials", () => {
  test("LUNA-WS-067 the subscriptions of a deleted token are closed with 1008, others stay", async () => {
    const { body } = await account.basic.post("/4/account/tokens", { token_data: "short" });
    const camera = server.as({ token: body.token });
    using lost = await follow("", camera);
    using query = await LunaEvents.open(server, `/api/subscribe?auth_token=${body.token}`);
    using stays = await follow();
    expect((await account.basic.delete(`/4/account/tokens/${body.token}`)).status).toBe(204);
    expect((await lost.closed).code).toBe(1008);
    expect((await query.closed).code).toBe(1008);
    await gallery.descriptor(near(1));
    await stays.has(1);
    expect(lost.messages).toEqual([]);
  });

  test("a token that another process deletes, and an account it suspends, end subscriptions within a second", async () => {
    const own = await server.newAccount();
    const { gallery: store } = server.server.app.store;
    const { id } = (await store.accounts.byEmail(own.email))!;
    using byToken = await follow("", own.client);
    using byLogin = await follow("", own.basic);
    // The repository itself tells nobody: as if another process had done it.
    await store.accountTokens.remove(id, [own.token]);
    let since = performance.now();
    expect((await byToken.closed).code).toBe(1008);
    expect(performance.now() - since).toBeLessThan(1_000);
    await store.accounts.setSuspended(id, true);
    since = performance.now();
    expect((await byLogin.closed).code).toBe(1008);
    expect(performance.now() - since).toBeLessThan(1_000);
  });
});
