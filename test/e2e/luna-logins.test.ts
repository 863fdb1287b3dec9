/** Somebody guesses passwords of the LUNA API: they are slowed down, and nobody else notices. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { basicOf, type LunaAccount } from "../support/luna/client.ts";
import { type LunaServer, startLuna } from "../support/luna/server.ts";

/** Believed about who sends a request, so that one test can send from many addresses. */
const PROXY = { http: { proxies: ["127.0.0.1/32", "::1/128"] } };
const PERSONS = "/4/storage/persons";

let server: LunaServer;
let account: LunaAccount;
beforeAll(async () => {
  server = await startLuna({ shipped: false, settings: PROXY });
  account = await server.newAccount();
});
afterAll(() => server.stop());

/** A try from an address; its status, or `late` when it is still waited for after `patience` ms. */
async function tryFrom(
  address: string,
  login: string,
  { password = "wrong password", patience = 20_000, on = server }: Partial<Try> = {},
): Promise<number | "late"> {
  try {
    const response = await fetch(on.url + PERSONS, {
      headers: { authorization: basicOf(`${login}:${password}`), "x-forwarded-for": address },
      signal: AbortSignal.timeout(patience),
    });
    await response.text();
    return response.status;
  } catch {
    return "late";
  }
}

interface Try {
  readonly password: string;
  readonly patience: number;
  readonly on: LunaServer;
}

/** Tries one login after the other from an address until one is not looked at; how many were. */
async function triesUntilSlowed(on: LunaServer, address: string, login: (at: number) => string): Promise<number> {
  for (let looked = 0; ; looked++) {
    if ((await tryFrom(address, login(looked), { patience: 2_000, on })) !== 401) return looked;
  }
}

test("A thousand wrong logins from one address are mostly refused, while tokens, known logins and new ones from elsewhere work", async () => {
  const { email, password } = account;
  expect(await tryFrom("192.0.2.1", email, { password })).toBe(200);
  let sent = 0;
  const outcomes: (number | "late")[] = [];
  const guess = async () => {
    while (sent < 1000) outcomes.push(await tryFrom("192.0.2.66", `guess${sent++}@example.org`, { patience: 3_000 }));
  };
  const guessing = Promise.all(Array.from({ length: 30 }, guess));
  const slowest = { token: 0, known: 0, fresh: 0 };
  const timed = async (what: keyof typeof slowest, ask: () => Promise<unknown>, expected: unknown) => {
    const startedAt = performance.now();
    expect([what, await ask()]).toEqual([what, expected]);
    slowest[what] = Math.max(slowest[what], performance.now() - startedAt);
  };
  const { basic: _basic, ...fresh } = await server.newAccount();
  for (let at = 0; at < 10; at++) {
    await timed("token", async () => (await account.client.get(PERSONS)).status, 200);
    await timed("known", () => tryFrom("192.0.2.1", email, { password }), 200);
    await timed("fresh", () => tryFrom(`192.0.2.${100 + at}`, fresh.email, { password: fresh.password }), 200);
  }
  await guessing;
  const counted = Object.groupBy(outcomes, String);
  expect(counted["401"]?.length ?? 0).toBeLessThan(100);
  expect(counted["429"]!.length).toBeGreaterThan(800);
  expect(Object.keys(counted).sort()).toEqual(expect.not.arrayContaining(["500"]));
  expect(slowest.token).toBeLessThan(1_000);
  expect(slowest.known).toBeLessThan(1_000);
  expect(slowest.fresh).toBeLessThan(3_000);
  const refusal = await fetch(server.url + PERSONS, {
    headers: { authorization: basicOf("once.more@example.org:wrong password"), "x-forwarded-for": "192.0.2.66" },
    signal: AbortSignal.timeout(1_000),
  }).catch(() => undefined);
  if (refusal?.status === 429)
    expect(await refusal.json()).toMatchObject({ error_code: 11002, desc: "Authorization failed" });
}, 60_000);

describe("With four wrong logins a minute from an address", () => {
  let strict: LunaServer;
  beforeAll(async () => {
    strict = await startLuna({ shipped: false, settings: { ...PROXY, luna: { wrong_logins: 4 } } });
  });
  afterAll(() => strict.stop());

  test("the fifth one waits, whoever it is for; from another address it does not", async () => {
    expect(await triesUntilSlowed(strict, "198.51.100.1", () => `${crypto.randomUUID()}@example.org`)).toBe(4);
    expect(await tryFrom("198.51.100.2", "somebody@example.org", { on: strict })).toBe(401);
  });

  test("the fifth one of a network of IPv6 waits, though each comes from another address of it", async () => {
    for (let at = 1; at <= 4; at++) {
      expect(await tryFrom(`2001:db8:0:1::${at}`, `${crypto.randomUUID()}@example.org`, { on: strict })).toBe(401);
    }
    const another = { patience: 2_000, on: strict };
    expect(await tryFrom("2001:db8:0:1:ffff::1", "somebody@example.org", another)).toBe("late");
    expect(await tryFrom("2001:db8:0:2::1", "somebody.else@example.org", another)).toBe(401);
  });

  test("the third one for the same login waits, wherever it comes from", async () => {
    let from = 10;
    for (let at = 0; at < 2; at++) {
      expect(await tryFrom(`198.51.100.${from++}`, "one@example.org", { on: strict })).toBe(401);
    }
    expect(await tryFrom(`198.51.100.${from++}`, "ONE@example.org", { patience: 2_000, on: strict })).toBe("late");
  });

  test("guesses that are sent together are no more than guesses one after the other", async () => {
    const { email } = await strict.newAccount();
    const guess = (address: string, at: number) =>
      tryFrom(address, email, { password: `guess ${at}`, patience: 3_000, on: strict });
    const fromOne = await Promise.all(Array.from({ length: 40 }, (_, at) => guess("198.51.100.60", at)));
    expect(fromOne.filter((outcome) => outcome === 401)).toHaveLength(2);
    const other = await strict.newAccount();
    const fromMany = await Promise.all(
      Array.from({ length: 40 }, (_, at) =>
        tryFrom(`203.0.113.${at}`, other.email, { password: `guess ${at}`, patience: 3_000, on: strict }),
      ),
    );
    expect(fromMany.filter((outcome) => outcome === 401)).toHaveLength(2);
  });

  test("right logins that are sent together from one address are all let in", async () => {
    const accounts = await Promise.all(Array.from({ length: 12 }, () => strict.newAccount()));
    const outcomes = await Promise.all(
      accounts.map(({ email, password }) => tryFrom("198.51.100.70", email, { password, on: strict })),
    );
    expect(outcomes).toEqual(Array(12).fill(200));
  });

  test("a login that worked goes on working from an address that others guess from, also while somebody guesses at it there", async () => {
    const { email, password } = await strict.newAccount();
    const address = "198.51.100.40";
    expect(await tryFrom(address, email, { password, on: strict })).toBe(200);
    await triesUntilSlowed(strict, address, () => `${crypto.randomUUID()}@example.org`);
    expect(await triesUntilSlowed(strict, address, () => email)).toBe(2);
    expect(await tryFrom(address, email, { password, patience: 2_000, on: strict })).toBe(200);
  });

  test("who waits in vain is refused with the time to wait", async () => {
    const address = "198.51.100.50";
    await triesUntilSlowed(strict, address, () => `${crypto.randomUUID()}@example.org`);
    const refused = Promise.withResolvers<Response>();
    const controller = new AbortController();
    for (let at = 0; at < 12; at++) {
      const headers = { authorization: basicOf(`${at}@example.org:wrong password`), "x-forwarded-for": address };
      fetch(strict.url + PERSONS, { headers, signal: controller.signal }).then(refused.resolve, () => {});
    }
    const response = await refused.promise;
    expect([response.status, await response.json()]).toEqual([
      429,
      { error_code: 11002, desc: "Authorization failed", detail: "Too many wrong logins; try again later" },
    ]);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    controller.abort();
  });

  test("an address that only its sender claims is not believed", async () => {
    await using plain = await startLuna({ shipped: false, settings: { luna: { wrong_logins: 4 } } });
    let at = 0;
    const looked = await triesUntilSlowed(plain, `203.0.113.${at}`, () => `${++at}@example.org`);
    expect(looked).toBe(4);
    const line = plain.server.logs.all().find(({ route }) => route === PERSONS);
    expect(line?.peer).toMatch(/127\.0\.0\.1|::1/);
  });
});

test("an unknown login takes as long as a known one", async () => {
  const median = async (login: () => string) => {
    const times: number[] = [];
    for (let at = 0; at < 9; at++) {
      const startedAt = performance.now();
      // Each from an address of its own: none waits.
      expect(await tryFrom(`203.0.113.${++last}`, login())).toBe(401);
      times.push(performance.now() - startedAt);
    }
    return times.sort((a, b) => a - b)[4]!;
  };
  let last = 0;
  const accounts = await Promise.all(Array.from({ length: 9 }, () => server.newAccount()));
  let at = 0;
  const known = await median(() => accounts[at++]!.email);
  const unknown = await median(() => `${crypto.randomUUID()}@example.org`);
  expect(unknown / known).toBeGreaterThan(0.4);
  expect(unknown / known).toBeLessThan(2.5);
});
