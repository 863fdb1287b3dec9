/** Accounts and their tokens. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { LunaAccount, LunaAnswer } from "../../support/luna/client.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

const UUID4 = /^[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$/;
const TOKENS = "/4/account/tokens";

let server: LunaServer;
beforeAll(async () => {
  server = await startLuna({ shipped: false });
});
afterAll(() => server.stop());

let at = 0;
const wish = (change: Readonly<Record<string, unknown>> = {}) => ({
  organization_name: "Horns and hooves",
  email: `person${++at}.${process.pid}@example.org`,
  password: "correct horse",
  ...change,
});
const create = (change?: Readonly<Record<string, unknown>>) => server.post("/4/accounts", wish(change));
const told = ({ status, body }: LunaAnswer) => [status, body.error_code];

describe("making an account", () => {
  test("LUNA-ACC-001 LUNA-ACC-002 LUNA-ACC-003 gives a token that works at once, the account's only one", async () => {
    const given = wish();
    const { status, body } = await server.post("/4/accounts", given);
    expect(status).toBe(201);
    expect(Object.keys(body)).toEqual(["token"]);
    expect(body.token).toMatch(UUID4);
    expect((await server.as({ token: body.token }).get("/4/storage/persons")).status).toBe(200);
    const listed = await server.as({ email: given.email, password: given.password }).get(TOKENS);
    expect(listed.body).toMatchObject({ count: 1, tokens: [{ token_data: "first token" }] });
  });

  test("LUNA-ACC-004 an e-mail address is taken once, whatever its letter case", async () => {
    const { email } = wish();
    expect((await create({ email })).status).toBe(201);
    for (const again of [email, email.toUpperCase()]) {
      const answer = await create({ email: again });
      expect(told(answer)).toEqual([400, 11011]);
      expect(answer.body.detail).toBe("An account with given email already exists");
    }
  });

  test("of accounts made at the same time with one address there is one", async () => {
    const { email } = wish();
    const statuses = await Promise.all(Array.from({ length: 5 }, async () => (await create({ email })).status));
    expect(statuses.sort()).toEqual([201, 400, 400, 400, 400]);
  });

  for (const member of ["email", "password", "organization_name"]) {
    test(`LUNA-ACC-005 without ${member} it is 400 12022`, async () => {
      const answer = await create({ [member]: undefined });
      expect(told(answer)).toEqual([400, 12022]);
      expect(answer.body.detail).toContain(member);
    });
  }

  const lengths: readonly (readonly [string, string, unknown, boolean])[] = [
    ["LUNA-ACC-006", "organization_name", "x".repeat(128), true],
    ["LUNA-ACC-006", "organization_name", "x".repeat(129), false],
    ["LUNA-ACC-006", "organization_name", "🏭".repeat(128), true],
    ["LUNA-ACC-006", "organization_name", 5, false],
    ["LUNA-ACC-007", "email", `${"x".repeat(52)}@example.org`, true],
    ["LUNA-ACC-007", "email", `${"x".repeat(53)}@example.org`, false],
    ["LUNA-ACC-007", "email", "without.example.org", false],
    ["LUNA-ACC-007", "email", "@example.org", false],
    ["LUNA-ACC-007", "email", "a b@example.org", false],
    ["LUNA-ACC-007", "email", "a:b@example.org", false],
    ["LUNA-ACC-008", "password", "x".repeat(7), false],
    ["LUNA-ACC-008", "password", "x".repeat(33), false],
    ["LUNA-ACC-008", "password", "x".repeat(8), true],
    ["LUNA-ACC-008", "password", "x".repeat(32), true],
  ];
  for (const [id, member, value, taken] of lengths) {
    const text = String(value);
    const shown = text.length > 30 ? `${[...text].length} characters` : text;
    test(`${id} ${member} of ${shown} is ${taken ? "taken" : "refused"}`, async () => {
      const answer = await create({ [member]: value });
      if (taken) expect(answer.status).toBe(201);
      else {
        expect(told(answer)).toEqual([400, 12022]);
        expect(answer.body.detail).toContain(`Path: '${member}'`);
      }
    });
  }

  test("LUNA-ACC-009 a further member is 400 12022", async () => {
    const answer = await create({ userdata: "x" });
    expect(told(answer)).toEqual([400, 12022]);
    expect(answer.body.detail).toContain("Additional properties are not allowed ('userdata' was unexpected)");
  });

  test("LUNA-ACC-010 while handlers are off it is 403 11071", async () => {
    await using off = await startLuna({ shipped: false, settings: { luna: { handlers: false } } });
    const { status, body } = await off.post("/4/accounts", wish());
    expect([status, body.error_code, body.detail]).toEqual([403, 11071, "Luna Handlers service is disabled"]);
  });
});

test("where registration is off it is 403 12033", async () => {
  await using closed = await startLuna({ shipped: false, settings: { luna: { registration: false } } });
  const { status, body } = await closed.post("/4/accounts", wish());
  expect([status, body.error_code, body.detail]).toEqual([
    403,
    12033,
    "Access to this resource on the server is denied",
  ]);
});

describe("an account", () => {
  test("LUNA-ACC-011 shows its name, its address and that it is not suspended", async () => {
    const given = wish();
    await server.post("/4/accounts", given);
    const { status, body } = await server.as({ email: given.email, password: given.password }).get("/4/account");
    expect(status).toBe(200);
    expect(body).toEqual({ organization_name: given.organization_name, email: given.email, suspended: false });
  });

  test("X-005 a token that stands where its id belongs is in no log", async () => {
    const { basic, token } = await server.newAccount();
    const paths = [
      `${TOKENS}/${token}`,
      `${TOKENS}/${token}/`,
      `${TOKENS}/${token.toUpperCase()}`,
      `/4/token/${token}`,
    ];
    for (const path of paths) {
      for (const method of ["GET", "PUT", "OPTIONS"]) await fetch(server.url + path, { method });
    }
    await basic.get(`${TOKENS}/${token}`);
    await basic.delete(`${TOKENS}/${token}`);
    const logged = server.server.logs.all().filter(({ path }) => String(path).startsWith("/4/token/"));
    expect(logged).toHaveLength(3);
    expect(JSON.stringify(server.server.logs.all()).toLowerCase()).not.toContain(token);
  });

  test("LUNA-ACC-012 X-005 its password and its tokens are in no answer, no log and not in the database", async () => {
    await using own = await startLuna({ shipped: false, database: "file" });
    const password = "Sehr-geheim-4711";
    const { basic, client, token, email } = await own.newAccount({ password });
    const texts: string[] = [];
    for (const ask of [() => basic.get("/4/account"), () => basic.get(TOKENS), () => own.get("/4/config")]) {
      texts.push(JSON.stringify((await ask()).body));
    }
    await client.get("/4/storage/persons");
    await own.as({ email, password: `${password}x` }).get("/4/account");
    await own.post("/4/accounts", { password, email: 5 });
    const encoded = Buffer.from(`${email}:${password}`).toString("base64");
    await fetch(`${own.url}/api/subscribe?basic=Basic%20${encodeURIComponent(encoded)}&auth_token=${token}`);
    texts.push(JSON.stringify(own.server.logs.all()));
    for (const file of ["facewire.sqlite", "facewire.sqlite-wal"]) {
      texts.push(await Bun.file(`${own.server.dataDir}/${file}`).text());
    }
    expect(texts.at(-1)!.length + texts.at(-2)!.length).toBeGreaterThan(1000);
    for (const text of texts) {
      for (const secret of [password, token, encoded]) expect(text.includes(secret)).toBeFalse();
    }
  });
});

describe("tokens", () => {
  let account: LunaAccount;
  beforeEach(async () => {
    account = await server.newAccount();
  });
  const add = async (token_data: string) => (await account.basic.post(TOKENS, { token_data })).body.token as string;
  const listed = async () => (await account.basic.get(TOKENS)).body;

  test("LUNA-ACC-013 LUNA-ACC-017 are made with a note and listed by id, oldest first, without the token", async () => {
    const { status, body } = await account.basic.post(TOKENS, { token_data: "gate 1" });
    expect(status).toBe(201);
    expect(body.token).toMatch(UUID4);
    expect((await server.as({ token: body.token }).get("/4/storage/persons")).status).toBe(200);
    const { tokens, count } = await listed();
    expect(count).toBe(2);
    expect(tokens.map((each: { token_data: string }) => each.token_data)).toEqual(["first token", "gate 1"]);
    for (const each of tokens) {
      expect(Object.keys(each).sort()).toEqual(["id", "token_data"]);
      expect(each.id).toMatch(UUID4);
      expect([body.token, account.token]).not.toContain(each.id);
    }
  });

  for (const [id, body, path] of [
    ["LUNA-ACC-014", {}, "token_data"],
    ["LUNA-ACC-015", { token_data: 5 }, "Path: 'token_data'"],
    ["LUNA-ACC-016", { token_data: "x".repeat(129) }, "Path: 'token_data'"],
  ] as const) {
    test(`${id} a note of ${JSON.stringify(body).slice(0, 30)} is 400 12022 naming it`, async () => {
      const answer = await account.basic.post(TOKENS, body);
      expect(told(answer)).toEqual([400, 12022]);
      expect(answer.body.detail).toContain(path);
    });
  }

  test("LUNA-ACC-016 a note of 128 characters is taken, also an empty one", async () => {
    for (const token_data of ["x".repeat(128), ""]) {
      const { status, body } = await account.basic.post(TOKENS, { token_data });
      expect(status).toBe(201);
      expect((await account.basic.get(`${TOKENS}/${body.token}`)).body).toEqual({ token_data });
    }
  });

  test("LUNA-ACC-018 the second page of one holds the second token", async () => {
    await add("second");
    await add("third");
    const { body } = await account.basic.get(TOKENS, { page: 2, page_size: 1 });
    expect(body).toMatchObject({ count: 3, tokens: [{ token_data: "second" }] });
    expect(body.tokens).toHaveLength(1);
  });

  test("LUNA-ACC-019 LUNA-ACC-021 one shows its note and nothing else, and takes another, by its id and by itself", async () => {
    const token = await add("old");
    const { id } = (await listed()).tokens[1];
    for (const name of [id, token, token.toUpperCase()]) {
      expect((await account.basic.get(`${TOKENS}/${name}`)).body).toEqual({ token_data: "old" });
    }
    expect((await account.basic.patch(`${TOKENS}/${id}`, { token_data: "new" })).status).toBe(204);
    expect((await account.basic.get(`${TOKENS}/${token}`)).body).toEqual({ token_data: "new" });
    expect((await server.as({ token }).get("/4/storage/persons")).status).toBe(200);
  });

  for (const [id, method, body] of [
    ["LUNA-ACC-020", "GET", undefined],
    ["LUNA-ACC-022", "PATCH", { token_data: "x" }],
    ["LUNA-ACC-025", "DELETE", undefined],
  ] as const) {
    test(`${id} ${method} of an unknown one is 404 11022`, async () => {
      const answer = await account.basic.call(method, `${TOKENS}/${crypto.randomUUID()}`, { body });
      expect(told(answer)).toEqual([404, 11022]);
      expect(answer.body.detail).toBe("Token not found");
    });
  }

  test("LUNA-ACC-023 a number for a note is 400 12022", async () => {
    const answer = await account.basic.patch(`${TOKENS}/${account.token}`, { token_data: 5 });
    expect(told(answer)).toEqual([400, 12022]);
    expect(answer.body.detail).toContain("Path: 'token_data'");
  });

  test("LUNA-ACC-024 one that is deleted is gone", async () => {
    const token = await add("short");
    expect((await account.basic.delete(`${TOKENS}/${token}`)).status).toBe(204);
    expect(told(await account.basic.get(`${TOKENS}/${token}`))).toEqual([404, 11022]);
    expect(told(await account.basic.delete(`${TOKENS}/${token}`))).toEqual([404, 11022]);
    expect((await listed()).count).toBe(1);
  });

  test("LUNA-ACC-026 several are deleted by one request, by id and by themselves, and none else", async () => {
    const [a, b] = [await add("a"), await add("b")];
    const { id } = (await listed()).tokens[1];
    expect((await account.basic.delete(TOKENS, { tokens: [id, b.toUpperCase()] })).status).toBe(204);
    for (const token of [a, b]) expect((await server.as({ token }).get("/4/storage/persons")).status).toBe(401);
    expect((await account.client.get("/4/storage/persons")).status).toBe(200);
  });

  test("LUNA-ACC-027 what is no id is 400 12022 naming its place, and nothing is deleted", async () => {
    for (const [tokens, place] of [
      [["x"], "tokens[0]"],
      [[account.token, 5], "tokens[1]"],
      [5, "tokens"],
    ] as const) {
      const answer = await account.basic.delete(TOKENS, { tokens });
      expect(told(answer)).toEqual([400, 12022]);
      expect(answer.body.detail).toStartWith(`Failed to validate input json. Path: '${place}', message: '`);
    }
    expect((await listed()).count).toBe(1);
  });

  test("LUNA-ACC-028 unknown ids are passed over", async () => {
    expect((await account.basic.delete(TOKENS, { tokens: [crypto.randomUUID()] })).status).toBe(204);
    expect((await listed()).count).toBe(1);
  });

  test("LUNA-ACC-029 without any token the login still works", async () => {
    await account.basic.delete(TOKENS, { tokens: [account.token] });
    expect((await listed()).count).toBe(0);
    await add("again");
    expect((await listed()).count).toBe(1);
  });
});
