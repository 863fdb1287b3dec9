import { describe, expect, test } from "bun:test";
import { AccessGuard, decideOpenness, type TokenBook } from "../../src/api/access.ts";
import { isLoopback } from "../../src/api/loopback.ts";
import type { TokenRole } from "../../src/store/tokens.ts";
import { rejection } from "../support/settle.ts";

/** A book whose secrets are the roles' names. */
function book(...roles: TokenRole[]): TokenBook {
  return {
    count: async () => roles.length,
    verify: async (secret) => {
      const role = roles.find((each) => each === secret);
      return (
        role && { id: role, name: `the ${role} one`, role, createdAt: 0, lastUsedAt: undefined, revokedAt: undefined }
      );
    },
  };
}

function request(headers: Record<string, string> = {}, method = "POST"): Request {
  return new Request("http://localhost:8000/v1/pipelines/x/run", {
    method,
    headers: { host: "localhost:8000", ...headers },
  });
}

describe("An address counts as loopback", () => {
  for (const host of ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost", "LOCALHOST", "app.localhost"]) {
    test(`when it is ${host}`, () => expect(isLoopback(host)).toBeTrue());
  }
  for (const host of ["0.0.0.0", "::", "192.168.0.1", "localhost.example.com", "127.example.com", "128.0.0.1", ""]) {
    test(`not when it is ${JSON.stringify(host)}`, () => expect(isLoopback(host)).toBeFalse());
  }
});

describe("A listener", () => {
  test("is open on loopback, also when there are tokens", async () => {
    expect(await decideOpenness("127.0.0.1", { open: false }, book("admin"))).toBeTrue();
  });

  test("beyond loopback refuses to start without tokens, and says what to do", async () => {
    const error = await rejection(decideOpenness("0.0.0.0", { open: false }, book()));
    expect(error).toMatchObject({ code: "listen_unsafe", details: { or_setting: "access.open" } });
  });

  test("beyond loopback is closed with a token and open with the setting", async () => {
    expect(await decideOpenness("0.0.0.0", { open: false }, book("run"))).toBeFalse();
    expect(await decideOpenness("0.0.0.0", { open: true }, book())).toBeTrue();
  });
});

describe("A closed listener", () => {
  const guard = new AccessGuard("0.0.0.0", false, book("read", "run", "admin"));

  test("refuses a request without, with a wrong, and with a malformed token", async () => {
    const sent: Record<string, string>[] = [
      {},
      { authorization: "Bearer nonsense" },
      { authorization: "Basic admin" },
      { authorization: "Bearer" },
    ];
    for (const headers of sent) {
      expect((await rejection(guard.check(request(headers), "read"))).code).toBe("unauthorized");
    }
  });

  test("lets every role do what it may and no more", async () => {
    const allowed = async (role: TokenRole, needed: TokenRole) =>
      guard.check(request({ authorization: `Bearer ${role}` }), needed).then(
        () => true,
        (error) => {
          expect(error).toMatchObject({ code: "forbidden", details: { needed, role } });
          return false;
        },
      );
    expect(await allowed("read", "read")).toBeTrue();
    expect(await allowed("read", "run")).toBeFalse();
    expect(await allowed("run", "read")).toBeTrue();
    expect(await allowed("run", "run")).toBeTrue();
    expect(await allowed("admin", "run")).toBeTrue();
  });

  test("lets everybody where nothing is asked", async () => {
    expect(await guard.check(request(), "none")).toEqual({ kind: "open" });
  });
});

describe("An open listener on loopback", () => {
  const guard = new AccessGuard("127.0.0.1", true, book("run"));
  const code = async (headers: Record<string, string>, method?: string) =>
    guard.check(request(headers, method), "run").then(
      () => "taken",
      (error) => error.code,
    );

  test("takes programs, and pages of its own", async () => {
    expect(await code({})).toBe("taken");
    expect(await code({ origin: "http://localhost:8000", "sec-fetch-site": "same-origin" })).toBe("taken");
    expect(await code({ host: "[::1]:8000", origin: "http://[::1]:8000" })).toBe("taken");
  });

  test("refuses what a page of another origin posts through the user's browser", async () => {
    for (const origin of [
      "https://evil.example",
      "http://localhost:3000",
      "null",
      "http://localhost:8000.evil.example",
    ]) {
      expect(await code({ origin })).toBe("origin_refused");
    }
    expect(await code({ "sec-fetch-site": "cross-site" })).toBe("origin_refused");
  });

  test("refuses reading and posting under a host name that was pointed at it", async () => {
    expect(await code({ host: "evil.example:8000", origin: "http://evil.example:8000" })).toBe("origin_refused");
    expect(await code({ host: "evil.example" }, "GET")).toBe("origin_refused");
  });

  test("takes any of these with a token, which no browser adds by itself", async () => {
    expect(await code({ origin: "https://app.example", authorization: "Bearer run" })).toBe("taken");
    expect(await code({ host: "faces.example", authorization: "Bearer run" })).toBe("taken");
  });

  test("refuses a wrong token instead of taking it for none", async () => {
    expect(await code({ authorization: "Bearer nonsense" })).toBe("unauthorized");
  });
});

test("an open listener beyond loopback answers under any name, but not to pages of other origins", async () => {
  const guard = new AccessGuard("0.0.0.0", true, book());
  expect(await guard.check(request({ host: "faces.example" }), "run")).toEqual({ kind: "open" });
  expect(
    (await rejection(guard.check(request({ host: "faces.example", origin: "https://evil.example" }), "run"))).code,
  ).toBe("origin_refused");
});
