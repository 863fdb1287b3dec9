/** Who may use the API, and how they prove it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { basicOf, type LunaAccount, type LunaAnswer, type LunaClient } from "../../support/luna/client.ts";
import { newDescriptor, newList, newPerson, SDK_TYPE, sdkFile } from "../../support/luna/objects.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

const NO_CREDENTIALS = 'This resource needs "Authorization" authorization headers';
const BAD_BASIC = "Bad format basic authorization header, format: Basic base64(login:password)";
const UNKNOWN = "Account corresponding login/password not found";
const BAD_TOKEN = "Token is not UUID4, format: xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
const UUID_V1 = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

let server: LunaServer;
let account: LunaAccount;
let other: LunaAccount;
beforeAll(async () => {
  // Many logins here are wrong, and all come from one address.
  server = await startLuna({ shipped: false, settings: { luna: { wrong_logins: 10_000 } } });
  [account, other] = await Promise.all([server.newAccount(), server.newAccount()]);
});
afterAll(() => server.stop());

const PERSONS = "/4/storage/persons";
const ask = (headers: Readonly<Record<string, string>>, path = PERSONS) => server.call("GET", path, { headers });
const told = ({ status, body }: LunaAnswer) => [status, body.error_code, body.detail];

describe("credentials", () => {
  test("LUNA-AUTH-001 none at all is 401 12010", async () => {
    expect(told(await ask({}))).toEqual([401, 12010, NO_CREDENTIALS]);
  });

  for (const [name, header] of Object.entries({
    "LUNA-AUTH-002 no base64": "Basic %%%",
    "LUNA-AUTH-003 another scheme": "Bearer x",
    "LUNA-AUTH-004 a text without a colon": basicOf("nothing"),
    "base64 that is no UTF-8": `Basic ${Buffer.from([0xff, 0x3a, 0xff]).toString("base64")}`,
    "no value": "Basic",
    "a value without an end": basicOf(`a:${"x".repeat(5000)}`),
  })) {
    test(`${name} in Authorization is 401 36002`, async () => {
      expect(told(await ask({ authorization: header }))).toEqual([401, 36002, BAD_BASIC]);
    });
  }

  test("LUNA-AUTH-005 LUNA-AUTH-006 an unknown login and a wrong password get the same answer", async () => {
    const unknown = await ask({ authorization: basicOf("nobody@example.org:correct horse") });
    const wrong = await ask({ authorization: basicOf(`${account.email}:wrong password`) });
    expect(told(unknown)).toEqual([401, 11002, UNKNOWN]);
    expect(wrong.body).toEqual(unknown.body);
  });

  test("a password that was right for another login, or in another letter case, is wrong", async () => {
    expect((await account.basic.get(PERSONS)).status).toBe(200);
    expect((await ask({ authorization: basicOf(`${other.email}:${account.password} `) })).status).toBe(401);
    expect((await ask({ authorization: basicOf(`${account.email}:${account.password.toUpperCase()}`) })).status).toBe(
      401,
    );
  });

  test("LUNA-AUTH-007 LUNA-AUTH-008 a suspended account is told so with login and token, and let in when resumed", async () => {
    const { email, basic, client } = await server.newAccount();
    expect((await basic.get(PERSONS)).status).toBe(200);
    const { accounts } = server.server.app.store.gallery;
    const id = (await accounts.byEmail(email))!.id;
    await accounts.setSuspended(id, true);
    expect(told(await basic.get(PERSONS))).toEqual([401, 11004, "Account is suspended"]);
    expect(told(await client.get(PERSONS))).toEqual([401, 11004, "Account is suspended"]);
    const wrong = basicOf(`${email}:wrong password`);
    expect(told(await ask({ authorization: wrong }))).toEqual([401, 11002, UNKNOWN]);
    await accounts.setSuspended(id, false);
    expect((await basic.get(PERSONS)).status).toBe(200);
  });

  test("LUNA-AUTH-009 LUNA-AUTH-010 a token that is no UUID of version 4 is 401 12001", async () => {
    for (const token of ["abc", UUID_V1, "", `${account.token}0`]) {
      expect([token, ...told(await ask({ "x-auth-token": token }))]).toEqual([token, 401, 12001, BAD_TOKEN]);
    }
  });

  test("LUNA-AUTH-011 an unknown token is 401 11002", async () => {
    expect(told(await ask({ "x-auth-token": crypto.randomUUID() }))).toEqual([401, 11002, UNKNOWN]);
  });

  test("LUNA-AUTH-012 a deleted token is refused from the next request on", async () => {
    const { token } = (await account.basic.post("/4/account/tokens", { token_data: "short" })).body;
    const client = server.as({ token });
    expect((await client.get(PERSONS)).status).toBe(200);
    expect((await account.basic.delete(`/4/account/tokens/${token}`)).status).toBe(204);
    expect(told(await client.get(PERSONS))).toEqual([401, 11002, UNKNOWN]);
  });

  test("the id of a token is no token", async () => {
    const { tokens } = (await account.basic.get("/4/account/tokens")).body;
    expect(told(await ask({ "x-auth-token": tokens[0].id }))).toEqual([401, 11002, UNKNOWN]);
  });

  test("LUNA-AUTH-013 a token goes before a login, whatever that is", async () => {
    const person = await newPerson(account.client);
    for (const authorization of ["nonsense", basicOf(`${other.email}:${other.password}`), basicOf("a:b")]) {
      const { status } = await ask({ authorization, "x-auth-token": account.token }, `${PERSONS}/${person}`);
      expect(status).toBe(200);
    }
  });

  test("LUNA-AUTH-014 a malformed token beside a right login is 401 12001", async () => {
    const authorization = basicOf(`${account.email}:${account.password}`);
    expect(told(await ask({ authorization, "x-auth-token": "abc" }))).toEqual([401, 12001, BAD_TOKEN]);
  });

  for (const [id, path] of Object.entries({
    "LUNA-AUTH-015": "/4/account",
    "LUNA-AUTH-016": "/4/account/tokens",
    "LUNA-AUTH-017": `/4/account/tokens/${crypto.randomUUID()}`,
  })) {
    test(`${id} a token is not looked at for ${path.replace(/[0-9a-f-]{36}$/, "{token_id}")}`, async () => {
      expect(told(await account.client.get(path))).toEqual([401, 12010, NO_CREDENTIALS]);
      const both = { "x-auth-token": "abc", authorization: basicOf(`${account.email}:${account.password}`) };
      expect((await ask(both, path)).status).not.toBe(401);
    });
  }

  test("LUNA-AUTH-018 credentials in the query are for /api/subscribe only", async () => {
    const query = { auth_token: account.token, basic: basicOf(`${account.email}:${account.password}`) };
    expect(told(await server.get(PERSONS, query))).toEqual([401, 12010, NO_CREDENTIALS]);
  });

  test("LUNA-AUTH-023 the letter case of a login does not matter", async () => {
    const { basic, password, email } = await server.newAccount({
      email: `Mixed.Case${crypto.randomUUID()}@Example.org`.slice(0, 60),
    });
    expect((await basic.get("/4/account")).body.email).toBe(email);
    expect((await server.as({ email: email.toUpperCase(), password }).get("/4/account")).status).toBe(200);
  });

  test("LUNA-AUTH-024 LUNA-AUTH-025 passwords with colons, of 8 and of 32 characters, of any language work", async () => {
    for (const password of ["a:b:c::d", "12345678", "x".repeat(32), "пароль-пароль", "🔑".repeat(32)]) {
      const { basic } = await server.newAccount({ password });
      expect([password, (await basic.get("/4/account")).status]).toEqual([password, 200]);
    }
  });
});

describe("objects of another account are as if they did not exist", () => {
  test("LUNA-AUTH-019 each answer but for the id is the one for an id that never was", async () => {
    const { client } = account;
    const [person, descriptor, list] = await Promise.all([
      newPerson(client),
      newDescriptor(client),
      newList(client, "persons"),
    ]);
    const { tokens } = (await account.basic.get("/4/account/tokens")).body;
    const calls: readonly (readonly [LunaClient, string, string, (id: string) => string, unknown?])[] = [
      [other.client, person, "GET", (id) => `${PERSONS}/${id}`],
      [other.client, person, "PATCH", (id) => `${PERSONS}/${id}`, { user_data: "x" }],
      [other.client, person, "DELETE", (id) => `${PERSONS}/${id}`],
      [other.client, person, "GET", (id) => `${PERSONS}/${id}/linked_lists`],
      [other.client, person, "GET", (id) => `${PERSONS}/${id}/linked_descriptors`],
      [other.client, descriptor, "GET", (id) => `/4/storage/descriptors/${id}`],
      [other.client, descriptor, "GET", (id) => `/4/storage/descriptors/${id}/linked_lists`],
      [other.client, descriptor, "GET", (id) => `/4/storage/portraits/${id}`],
      [other.client, descriptor, "GET", (id) => `/4/storage/portraits/${id}_96`],
      [other.client, list, "GET", (id) => `/4/storage/lists/${id}`],
      [other.client, list, "PATCH", (id) => `/4/storage/lists/${id}`, { list_data: "x" }],
      [other.client, list, "DELETE", (id) => `/4/storage/lists/${id}`],
      [other.basic, tokens[0].id, "GET", (id) => `/4/account/tokens/${id}`],
      [other.basic, tokens[0].id, "PATCH", (id) => `/4/account/tokens/${id}`, { token_data: "x" }],
      [other.basic, tokens[0].id, "DELETE", (id) => `/4/account/tokens/${id}`],
    ];
    for (const [client, id, method, path, body] of calls) {
      const never = crypto.randomUUID();
      const foreign = await client.call(method, path(id), { body });
      const unknown = await client.call(method, path(never), { body });
      const where = `${method} ${path("{id}")}`;
      expect([where, foreign.status]).toEqual([where, unknown.status]);
      expect([where, JSON.stringify(foreign.body).replaceAll(id, never)]).toEqual([
        where,
        JSON.stringify(unknown.body),
      ]);
      expect([where, foreign.status]).toEqual([where, 404]);
    }
    // And nothing was done.
    expect((await client.get(`${PERSONS}/${person}`)).status).toBe(200);
    expect((await client.get(`/4/storage/lists/${list}`)).status).toBe(200);
    expect((await account.basic.get(`/4/account/tokens/${tokens[0].id}`)).body).toEqual({ token_data: "first token" });
  });

  test("LUNA-AUTH-020 a list of another account is unknown to identify", async () => {
    const list = await newList(account.client, "persons");
    const descriptor_id = await newDescriptor(other.client);
    const { status, body } = await other.client.post("/4/matching/identify", undefined, {
      query: { descriptor_id, list_id: list },
    });
    expect([status, body.error_code]).toEqual([400, 22003]);
  });
});

describe("open addresses", () => {
  test("LUNA-AUTH-022 what is about the server needs no credentials, and wrong ones do no harm", async () => {
    for (const path of ["/version", "/4/healthcheck", "/healthcheck", "/4/docs/spec", "/4/plugins", "/metrics"]) {
      for (const headers of [{}, { "x-auth-token": "abc", authorization: "Bearer x" }] as Record<string, string>[]) {
        expect([path, (await ask(headers, path)).status]).not.toEqual([path, 401]);
      }
    }
  });

  test("LUNA-AUTH-021 portraits are not open", async () => {
    for (const id of [crypto.randomUUID(), `${crypto.randomUUID()}_96`]) {
      expect(told(await server.get(`/4/storage/portraits/${id}`))).toEqual([401, 12010, NO_CREDENTIALS]);
    }
  });
});

/** Objects of one account, for calls that work. */
interface Things {
  readonly token: string;
  readonly person: string;
  readonly descriptor: string;
  readonly list: string;
}

/** A call that works with credentials, and what it is then answered with. `basic`: tokens are not taken. */
interface Working {
  readonly operation: string;
  readonly status: number;
  readonly path: (things: Things) => string;
  readonly query?: (things: Things) => Readonly<Record<string, string>>;
  readonly body?: (things: Things) => unknown;
  readonly type?: string;
  readonly basic?: true;
}

const token = { path: (t: Things) => `/4/account/tokens/${t.token}`, basic: true } as const;
const upload = { body: () => sdkFile(7), type: SDK_TYPE };
const working = (operation: string, status: number, rest: Partial<Working> = {}): Working => ({
  operation,
  status,
  path: () => operation.split(" ")[1]!,
  ...rest,
});
const person = (rest = "") => ({ path: (t: Things) => `/4/storage/persons/${t.person}${rest}` });
const descriptor = (rest = "") => ({ path: (t: Things) => `/4/storage/descriptors/${t.descriptor}${rest}` });
const list = { path: (t: Things) => `/4/storage/lists/${t.list}` };
const ofList = { query: (t: Things) => ({ list_id: t.list, do: "detach" }) };

/** In the order of the checklist, from 026 on. */
const WORKING: readonly Working[] = [
  working("GET /4/account", 200, { basic: true }),
  working("GET /4/account/tokens", 200, { basic: true }),
  working("POST /4/account/tokens", 201, { basic: true, body: () => ({ token_data: "x" }) }),
  working("DELETE /4/account/tokens", 204, { basic: true, body: () => ({ tokens: [] }) }),
  working("GET /4/account/tokens/{token_id}", 200, token),
  working("PATCH /4/account/tokens/{token_id}", 204, { ...token, body: () => ({ token_data: "y" }) }),
  working("DELETE /4/account/tokens/{token_id}", 204, token),
  working("GET /4/storage/descriptors", 200),
  working("POST /4/storage/descriptors", 201, upload),
  working("GET /4/storage/descriptors/{descriptor_id}", 200, descriptor()),
  working("GET /4/storage/descriptors/{descriptor_id}/linked_lists", 200, descriptor("/linked_lists")),
  working("PATCH /4/storage/descriptors/{descriptor_id}/linked_lists", 400, {
    ...descriptor("/linked_lists"),
    ...ofList,
  }),
  working("GET /4/storage/portraits/{descriptor_id}", 404, { path: (t) => `/4/storage/portraits/${t.descriptor}` }),
  working("GET /4/storage/portraits/{descriptor_id_with_thumbnails}", 404, {
    path: (t) => `/4/storage/portraits/${t.descriptor}_96`,
  }),
  working("GET /4/storage/persons", 200),
  working("POST /4/storage/persons", 201, { body: () => ({}) }),
  working("GET /4/storage/persons/{person_id}", 200, person()),
  working("PATCH /4/storage/persons/{person_id}", 204, { ...person(), body: () => ({ user_data: "x" }) }),
  working("DELETE /4/storage/persons/{person_id}", 204, person()),
  working("GET /4/storage/persons/{person_id}/linked_descriptors", 200, person("/linked_descriptors")),
  working("PATCH /4/storage/persons/{person_id}/linked_descriptors", 204, {
    ...person("/linked_descriptors"),
    query: (t) => ({ descriptor_id: t.descriptor, do: "attach" }),
  }),
  working("GET /4/storage/persons/{person_id}/linked_lists", 200, person("/linked_lists")),
  working("PATCH /4/storage/persons/{person_id}/linked_lists", 204, { ...person("/linked_lists"), ...ofList }),
  working("GET /4/storage/lists", 200),
  working("POST /4/storage/lists", 201, { query: () => ({ type: "persons" }), body: () => ({ list_data: "x" }) }),
  working("DELETE /4/storage/lists", 204, { body: () => ({ lists: [] }) }),
  working("GET /4/storage/lists/{list_id}", 200, list),
  working("PATCH /4/storage/lists/{list_id}", 204, { ...list, body: () => ({ list_data: "x" }) }),
  working("DELETE /4/storage/lists/{list_id}", 204, list),
  working("PATCH /4/storage/linker", 204, {
    body: (t) => ({ list_id: t.list, action: "attach", person_ids: [t.person] }),
  }),
  working("POST /4/matching/verify", 201, { query: (t) => ({ descriptor_id: t.descriptor, person_id: t.person }) }),
  working("POST /4/matching/identify", 201, { query: (t) => ({ descriptor_id: t.descriptor, list_id: t.list }) }),
  working("POST /4/matching/match", 201, {
    query: (t) => ({ descriptor_id: t.descriptor, descriptor_ids: t.descriptor }),
  }),
  working("POST /4/matching/search", 201, { ...upload, query: (t) => ({ list_id: t.list }) }),
  // Without a picture there is nothing to judge; that this is what is wrong shows that the caller may.
  working("POST /4/liveness", 400, { body: () => "x", type: "text/plain" }),
  working("GET /4/handlers/extractor", 200),
  working("POST /4/handlers/extractor", 201, upload),
  working("PATCH /4/handlers/extractor", 200, { body: () => ({ score_threshold: 0.4 }) }),
  working("GET /4/handlers/verify", 200),
  working("POST /4/handlers/verify", 201, { ...upload, query: (t) => ({ person_id: t.person }) }),
  working("PATCH /4/handlers/verify", 200, { body: () => ({ score_threshold: 0.4 }) }),
  working("POST /4/handlers/verify/raw", 400, { body: () => ({}) }),
  working("GET /4/handlers/identify", 200),
  working("POST /4/handlers/identify", 201, upload),
  working("PATCH /4/handlers/identify", 200, { body: () => ({ score_threshold: 0.4 }) }),
];
const FIRST = 26;

describe("every operation of an account", () => {
  for (const [at, each] of WORKING.entries()) {
    const id = `LUNA-AUTH-${String(at + FIRST).padStart(3, "0")}`;
    const ways = each.basic ? "a login only" : "a login and with a token";
    test(`${id} ${each.operation} is refused without credentials and works with ${ways}`, async () => {
      const [method = ""] = each.operation.split(" ");
      const { client, basic } = account;
      const things = async (): Promise<Things> => ({
        token: (await basic.post("/4/account/tokens", { token_data: "t" })).body.token,
        person: await newPerson(client),
        descriptor: await newDescriptor(client),
        list: await newList(client, "persons"),
      });
      const call = (who: LunaClient, t: Things) =>
        who.call(method, each.path(t), {
          ...(each.body && { body: each.body(t) }),
          ...(each.type && { type: each.type }),
          ...(each.query && { query: each.query(t) }),
        });
      const mine = await things();
      const refusals: readonly (readonly [Readonly<Record<string, string>>, number])[] = [
        [{}, 12010],
        [{ authorization: "Bearer x" }, 36002],
        [{ authorization: basicOf(`${crypto.randomUUID()}@example.org:correct horse`) }, 11002],
        ...(each.basic ? [] : ([[{ "x-auth-token": "abc" }, 12001]] as const)),
        [
          each.basic ? { "x-auth-token": account.token } : { "x-auth-token": crypto.randomUUID() },
          each.basic ? 12010 : 11002,
        ],
      ];
      for (const [headers, code] of refusals) {
        const { status, body } = await server.call(method, each.path(mine), { headers });
        expect([headers, status, body.error_code]).toEqual([headers, 401, code]);
      }
      const withLogin = await call(basic, mine);
      expect([withLogin.status, withLogin.body?.detail]).toEqual([each.status, withLogin.body?.detail]);
      if (!each.basic) expect((await call(client, await things())).status).toBe(each.status);
    });
  }
});
