/** What holds for every request: ids, CORS, errors, routing, bodies. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { RawClient } from "../../api/native/raw-client.ts";
import type { LunaAccount, LunaAnswer } from "../../support/luna/client.ts";
import { basicOf } from "../../support/luna/client.ts";
import { newDescriptor, newList, newPerson } from "../../support/luna/objects.ts";
import { rawExchange } from "../../support/luna/raw-http.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

const REQUEST_ID = /^[0-9]{10},[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$/;
const OWN_ID = "1536751345,8b8b5937-2e9c-4e8b-a7a7-5caf86621b5a";
const UUID4 = /^[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$/;
const JSON_TYPE = { "content-type": "application/json" };

let server: LunaServer;
let account: LunaAccount;
beforeAll(async () => {
  server = await startLuna({ shipped: false, settings: { luna: { max_body: "4KiB" } } });
  account = await server.newAccount();
});
afterAll(() => server.stop());

/** Answers of all kinds, by what they are. */
const KINDS: Readonly<Record<string, () => Promise<LunaAnswer>>> = {
  "200": () => server.get("/version"),
  "201": () => account.basic.post("/4/account/tokens", { token_data: "x" }),
  "308": () => server.get("/healthcheck"),
  "200 of OPTIONS": () => server.call("OPTIONS", "/4/accounts"),
  "200 of HEAD": () => server.call("HEAD", "/version"),
  "400": () => account.basic.post("/4/account/tokens", {}),
  "401": () => server.get("/4/account"),
  "403": () => server.get("/metrics"),
  "404 of an address": () => server.get("/4/nothing"),
  "404 of an object": () => account.basic.get(`/4/account/tokens/${crypto.randomUUID()}`),
  "405": () => server.call("PUT", "/4/accounts"),
  "413": () => account.basic.post("/4/account/tokens", { token_data: "x".repeat(5000) }),
  "415": () => server.call("GET", "/4/docs/spec", { headers: { accept: "image/png" } }),
};

describe("request ids", () => {
  for (const [kind, ask] of Object.entries(KINDS)) {
    test(`LUNA-GEN-001 LUNA-GEN-009 an answer of ${kind} has a new Luna-Request-Id and lets other origins read it`, async () => {
      const { status, headers } = await ask();
      expect(status).toBe(Number(kind.slice(0, 3)));
      expect(headers.get("luna-request-id")).toMatch(REQUEST_ID);
      expect(headers.get("access-control-allow-origin")).toBe("*");
      expect(headers.get("cross-origin-resource-policy")).toBe("cross-origin");
      expect(headers.get("access-control-expose-headers")).toContain("Luna-Request-Id");
    });
  }

  test("LUNA-GEN-002 an id of the caller's comes back as it is, also with errors", async () => {
    for (const path of ["/version", "/4/nothing", "/4/account"]) {
      const { headers } = await server.call("GET", path, { headers: { "Luna-Request-Id": OWN_ID } });
      expect(headers.get("luna-request-id")).toBe(OWN_ID);
    }
  });

  test("LUNA-GEN-003 answers of 400, 401 and 404 carry it", async () => {
    for (const kind of ["400", "401", "404 of an address"]) {
      expect((await KINDS[kind]!()).headers.get("luna-request-id")).toMatch(REQUEST_ID);
    }
  });

  test("LUNA-GEN-005 204 carries it and has no body", async () => {
    const { status, headers, bytes } = await account.basic.delete("/4/account/tokens", { tokens: [] });
    expect([status, bytes.byteLength]).toEqual([204, 0]);
    expect(headers.get("luna-request-id")).toMatch(REQUEST_ID);
  });

  test("LUNA-GEN-006 two requests have two ids", async () => {
    const ids = await Promise.all(
      [1, 2, 3].map(async () => (await server.get("/version")).headers.get("luna-request-id")),
    );
    expect(new Set(ids).size).toBe(3);
  });

  test("LUNA-GEN-007 a malformed id is replaced, and the request served", async () => {
    for (const given of ["abc", OWN_ID.toUpperCase(), `${OWN_ID}x`, OWN_ID.replace("-4", "-1")]) {
      const { status, headers } = await server.call("GET", "/version", { headers: { "Luna-Request-Id": given } });
      expect(status).toBe(200);
      expect(headers.get("luna-request-id")).toMatch(REQUEST_ID);
      expect(headers.get("luna-request-id")).not.toBe(given);
    }
  });

  test("the id of a request is in its log line", async () => {
    const { headers } = await server.get("/4/nothing");
    const id = headers.get("luna-request-id");
    expect(server.server.logs.all().filter(({ request }) => request === id)).toHaveLength(1);
  });
});

describe("errors", () => {
  test("what a client sends is no failure of the server in its logs, also where the status is 500", async () => {
    const type = "application/x-vl-face-descriptor-base64";
    const { status, headers } = await account.client.post("/4/storage/descriptors", "%", { type });
    expect(status).toBe(500);
    const id = headers.get("luna-request-id")!;
    const line = server.server.logs.all().find(({ request }) => request === id);
    expect(line).toMatchObject({ level: "info", status: 500 });
  });

  const failures = () =>
    Promise.all(Object.entries(KINDS).map(async ([, ask]) => await ask())).then((all) =>
      all.filter(({ status, body }) => status >= 400 && body !== undefined),
    );

  test("LUNA-GEN-010 X-008 an error is application/json with an integer error_code and a detail", async () => {
    for (const { headers, body } of await failures()) {
      expect(headers.get("content-type")).toBe("application/json");
      expect(Number.isInteger(body.error_code)).toBeTrue();
      expect(typeof body.detail).toBe("string");
    }
  });

  test("LUNA-GEN-011 LUNA-GEN-012 it has a desc, the same for the same code", async () => {
    const seen = new Map<number, string>();
    for (const { body } of [...(await failures()), ...(await failures())]) {
      expect(body.desc).toBeString();
      expect(seen.get(body.error_code) ?? body.desc).toBe(body.desc);
      seen.set(body.error_code, body.desc);
    }
    expect(seen.size).toBeGreaterThan(5);
  });
});

describe("routing", () => {
  test("LUNA-GEN-013 an unknown address is 404 12013", async () => {
    for (const path of ["/4/nothing", "/", "/4", "/4/storage", "/5/storage/persons", "/4/accounts/x"]) {
      const { status, body } = await server.get(path);
      expect([path, status, body.error_code]).toEqual([path, 404, 12013]);
    }
  });

  test("LUNA-GEN-014 a wrong method is 405 12021 with Allow", async () => {
    const { status, body, headers } = await server.call("PUT", "/4/storage/persons");
    expect([status, body.error_code]).toEqual([405, 12021]);
    expect(headers.get("allow")!.split(", ").sort()).toEqual(["GET", "OPTIONS", "POST"]);
  });

  test("LUNA-GEN-015 an id that is no UUID of version 4 is no such address", async () => {
    for (const id of ["not-a-uuid", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "%00", "..%2F..%2Fversion"]) {
      const { status, body } = await account.client.get(`/4/storage/persons/${id}`);
      expect([id, status, body.error_code]).toEqual([id, 404, 12013]);
    }
  });

  test("an id in capital letters is the same id", async () => {
    const id = crypto.randomUUID();
    const { status, body } = await account.client.get(`/4/storage/persons/${id.toUpperCase()}`);
    expect([status, body.detail]).toEqual([404, `Person with id '${id}' not found.`]);
  });

  test("an address with a broken percent escape is 400 12046", async () => {
    const { status, body } = await server.get("/4/accounts%zz");
    expect([status, body.error_code]).toEqual([400, 12046]);
  });

  test("LUNA-GEN-022 HEAD of a GET address has its headers and no body; of another it is 405", async () => {
    const head = await server.call("HEAD", "/version");
    expect([head.status, head.bytes.byteLength]).toEqual([200, 0]);
    expect((await server.call("HEAD", "/4/account")).status).toBe(401);
    expect((await server.call("HEAD", "/4/accounts")).status).toBe(405);
    expect((await server.get("/version")).status).toBe(200);
  });

  test("HEAD tells the length that the body of GET has", async () => {
    const { bytes } = await server.get("/version");
    const { headers } = await server.call("HEAD", "/version");
    expect(headers.get("content-length")).toBe(String(bytes.byteLength));
  });

  for (const [what, request] of Object.entries({
    "HTTP/1.0, which names no host": "GET /4/plugins?x=1 HTTP/1.0\r\nConnection: close\r\n\r\n",
    "a host that is none": "GET /4/plugins?x=1 HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
    "an address for a host that is none": "GET /4/plugins?x=1 HTTP/1.1\r\nHost: [::\r\nConnection: close\r\n\r\n",
  })) {
    test(`a request of ${what} is answered like any other`, async () => {
      const answer = await rawExchange(server.url, request);
      expect(answer).toStartWith("HTTP/1.1 200 ");
      expect(answer).toEndWith('{"plugins":[]}');
      expect(answer.toLowerCase()).toContain("luna-request-id: ");
    });
  }

  test("LUNA-GEN-021 an unknown query parameter is ignored", async () => {
    expect((await account.basic.get("/4/account/tokens?colour=red&page_sice=x")).status).toBe(200);
  });

  test("what is no HTTP at all does not hurt the next request", async () => {
    expect(await rawExchange(server.url, "GET /version HTTP/9.9\r\nHost\r\n\r\n")).not.toMatch(/^HTTP\/1.1 200/);
    expect((await server.get("/version")).status).toBe(200);
  });
});

describe("bodies of JSON", () => {
  const post = (body: string, headers: Record<string, string> = JSON_TYPE) =>
    account.basic.post("/4/account/tokens", body, { headers });

  test("LUNA-GEN-016 another content type, or none, is 400 12017", async () => {
    for (const type of ["text/plain", "application/jsonp", "", "multipart/form-data"]) {
      const { status, body } = await post('{"token_data":"x"}', { "content-type": type });
      expect([type, status, body.error_code, body.detail]).toEqual([type, 400, 12017, "Bad content type"]);
    }
  });

  test("LUNA-GEN-017 a charset behind it is allowed", async () => {
    const { status } = await post('{"token_data":"x"}', { "content-type": "Application/JSON; charset=utf-8" });
    expect(status).toBe(201);
  });

  for (const [what, body] of Object.entries({
    "an open brace": "{",
    nothing: "",
    "half a character": '{"token_data":"\\ud800"}',
    "a NUL": '{"token_data":"\\u0000"}',
    "a thousand brackets": "[".repeat(500),
  })) {
    test(`LUNA-GEN-018 ${what} is 400 12022`, async () => {
      const { status, body: told } = await post(body);
      expect([status, told.error_code]).toEqual([400, 12022]);
      expect(told.detail).toStartWith("Failed to validate input json. Path:");
    });
  }

  test("LUNA-GEN-019 an array, a text or null in place of an object is 400 12022", async () => {
    for (const body of ["[]", '"x"', "null", "1"]) {
      const { status, body: told } = await post(body);
      expect([body, status, told.error_code]).toEqual([body, 400, 12022]);
    }
  });

  test("LUNA-GEN-020 an unknown member is 400 12022 with its name", async () => {
    for (const name of ["userdata", "__proto__", "constructor"]) {
      const { status, body } = await post(`{"token_data":"x","${name}":1}`);
      expect([status, body.error_code]).toEqual([400, 12022]);
      expect(body.detail).toStartWith("Failed to validate input json. Path: ''");
      expect(body.detail).toContain(`'${name}' was unexpected`);
    }
  });

  test("X-009 a body beyond the limit is 413 in the error form, and the connection goes on", async () => {
    const big = JSON.stringify({ token_data: "x".repeat(5000) });
    const client = await RawClient.connect(Number(new URL(server.url).port));
    await client.head("POST", "/4/account/tokens", {
      Authorization: basicOf(`${account.email}:${account.password}`),
      "Content-Type": "application/json",
      "Content-Length": big.length,
    });
    const refusal = await client.answer();
    expect(refusal.status).toBe(413);
    expect(JSON.parse(refusal.body)).toMatchObject({ error_code: 12046, desc: "Bad HTTP request" });
    await client.send(big);
    await client.head("GET", "/version");
    expect((await client.answer()).status).toBe(200);
    client.leave();
  });

  test("a compressed body is 400 12017, never unpacked", async () => {
    const { status, body } = await post('{"token_data":"x"}', { ...JSON_TYPE, "content-encoding": "gzip" });
    expect([status, body.error_code]).toEqual([400, 12017]);
  });
});

describe("what answers hold", () => {
  test("LUNA-GEN-024 every id is a lower-case UUID of version 4; LUNA-GEN-025 every time is RFC 3339 in UTC", async () => {
    const { client, basic } = account;
    const person = await newPerson(client);
    const list = await newList(client, "persons");
    const descriptor = await newDescriptor(client);
    await client.patch(`/4/storage/persons/${person}/linked_lists`, undefined, {
      query: { list_id: list, do: "attach" },
    });
    await client.patch(`/4/storage/persons/${person}/linked_descriptors`, undefined, {
      query: { descriptor_id: descriptor, do: "attach" },
    });
    const answers = await Promise.all([
      client.get("/4/storage/persons"),
      client.get("/4/storage/descriptors"),
      client.get("/4/storage/lists"),
      client.get("/4/handlers/extractor"),
      basic.get("/4/account/tokens"),
    ]);
    const ids: string[] = [];
    const times: string[] = [];
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      walk(body, (name, value) => {
        if (/(^|_)ids?$/.test(name) && name !== "external_id") ids.push(value);
        if (/time|date/.test(name)) times.push(value);
      });
    }
    expect(ids.length).toBeGreaterThanOrEqual(5);
    for (const id of ids) expect(id).toMatch(UUID4);
    expect(times.length).toBeGreaterThanOrEqual(3);
    for (const time of times) {
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
      expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000);
    }
  });
});

/** Calls `tell` for each text with the name of the member it stands in. */
function walk(value: unknown, tell: (name: string, value: string) => void, name = ""): void {
  if (typeof value === "string") tell(name, value);
  else if (Array.isArray(value)) for (const each of value) walk(each, tell, name);
  else if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value)) walk(each, tell, key);
  }
}
