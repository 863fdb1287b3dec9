/** OPTIONS on every address, and CORS. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DESCRIBED_OPERATIONS } from "../../support/luna/contract.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

let server: LunaServer;
beforeAll(async () => {
  server = await startLuna({ shipped: false });
});
afterAll(() => server.stop());

/** In the order of the checklist. */
const PATHS = [
  "/4/accounts",
  "/4/account",
  "/4/account/tokens",
  "/4/account/tokens/{token_id}",
  "/4/storage/descriptors",
  "/4/storage/descriptors/{descriptor_id}",
  "/4/storage/descriptors/{descriptor_id}/linked_lists",
  "/4/storage/portraits/{descriptor_id}",
  "/4/storage/portraits/{descriptor_id_with_thumbnails}",
  "/4/storage/persons",
  "/4/storage/persons/{person_id}",
  "/4/storage/persons/{person_id}/linked_descriptors",
  "/4/storage/persons/{person_id}/linked_lists",
  "/4/storage/lists",
  "/4/storage/lists/{list_id}",
  "/4/storage/linker",
  "/4/matching/verify",
  "/4/matching/identify",
  "/4/matching/match",
  "/4/matching/search",
  "/4/handlers/extractor",
  "/4/handlers/verify",
  "/4/handlers/verify/raw",
  "/4/handlers/identify",
  "/4/ws",
  "/api/subscribe",
  "/4/healthcheck",
  "/version",
];
/** Described without Allow. */
const WITHOUT_ALLOW = ["/4/ws", "/api/subscribe"];

const real = (path: string) =>
  path
    .replace("{descriptor_id_with_thumbnails}", `${crypto.randomUUID()}_96`)
    .replaceAll(/\{\w+\}/g, crypto.randomUUID());
const methodsOf = (path: string) =>
  [
    ...new Set([...DESCRIBED_OPERATIONS.filter((each) => each.path === path).map(({ method }) => method), "OPTIONS"]),
  ].sort();
const list = (header: string | null) => (header ?? "").split(", ").sort();

describe("OPTIONS", () => {
  for (const [at, path] of PATHS.entries()) {
    test(`LUNA-OPT-${String(at + 1).padStart(3, "0")} LUNA-OPT-029 ${path} tells its methods to everybody`, async () => {
      const { status, bytes, headers } = await server.call("OPTIONS", real(path));
      expect([status, bytes.byteLength]).toEqual([200, 0]);
      expect(headers.get("access-control-allow-origin")).toBe("*");
      expect(headers.get("access-control-max-age")).toBe("86400");
      expect(list(headers.get("access-control-allow-methods"))).toEqual(methodsOf(path));
      expect(headers.get("access-control-allow-headers")).toBeTruthy();
      if (WITHOUT_ALLOW.includes(path)) expect(headers.get("allow")).toBeNull();
      else expect(list(headers.get("allow"))).toEqual(methodsOf(path));
    });
  }

  test("addresses whose OPTIONS is not described answer it as well", async () => {
    const rest = new Set(DESCRIBED_OPERATIONS.map(({ path }) => path).filter((path) => !PATHS.includes(path)));
    expect(rest.size).toBe(7);
    for (const path of rest) {
      const response = await fetch(server.url + path, { method: "OPTIONS" });
      expect([path, response.status]).toEqual([path, 200]);
      expect(list(response.headers.get("allow"))).toEqual(methodsOf(path));
    }
  });

  test("LUNA-OPT-030 a preflight from any origin is allowed", async () => {
    const { status, headers } = await server.call("OPTIONS", "/4/matching/search", {
      headers: {
        origin: "https://shop.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,x-auth-token,content-type",
      },
    });
    expect([status, headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
  });

  test("LUNA-OPT-031 the headers that clients need are named, because * does not stand for Authorization", async () => {
    const { headers } = await server.call("OPTIONS", "/4/accounts");
    const named = (headers.get("access-control-allow-headers") ?? "").toLowerCase().split(", ");
    for (const name of ["authorization", "x-auth-token", "content-type", "luna-request-id"])
      expect(named).toContain(name);
  });
});
