/** The frame of the LUNA dialect with operations that fail in ways no caller can bring about. */
import { expect, test } from "bun:test";
import { BodyBudget } from "../../src/api/body.ts";
import { createGateway } from "../../src/api/gateway.ts";
import { Authenticator } from "../../src/api/luna/auth/authenticator.ts";
import { FailedLogins } from "../../src/api/luna/auth/failed-logins.ts";
import { Passwords } from "../../src/api/luna/auth/passwords.ts";
import { CORS_HEADERS } from "../../src/api/luna/cors.ts";
import { lunaDialect } from "../../src/api/luna/dialect.ts";
import type { OpenOperation } from "../../src/api/luna/operation.ts";
import { LUNA_REQUEST_IDS } from "../../src/api/luna/request-id.ts";
import { TrustedProxies } from "../../src/api/proxies.ts";
import { type ErrorCode, FacewireError } from "../../src/errors.ts";
import { openMemoryStore } from "../../src/store/store.ts";

/** Answers of an operation that does this. */
async function answerOf(handle: OpenOperation["handle"], timeoutMs = 5_000): Promise<Response> {
  const store = await openMemoryStore();
  const handleRequest = createGateway({
    dialect: lunaDialect({
      operations: [{ method: "GET", path: "/4/it", access: "open", handle }],
      authenticator: new Authenticator({
        store: store.gallery,
        passwords: new Passwords(),
        failures: new FailedLogins(20),
      }),
      timeoutMs,
    }),
    requestIds: LUNA_REQUEST_IDS,
    headers: CORS_HEADERS,
    proxies: new TrustedProxies([]),
    budget: new BodyBudget(1),
    watcher: { started() {}, finished() {} },
  });
  const response = await handleRequest(new Request("http://localhost/4/it"));
  await store.close();
  return response;
}

test("LUNA-SRV-026 LUNA-GEN-004 a failure nobody foresaw is 500 1 without a word of what it was", async () => {
  const response = await answerOf(() => {
    throw new TypeError("undefined is not a function at src/somewhere/file.ts");
  });
  expect(response.status).toBe(500);
  expect(await response.json()).toEqual({
    error_code: 1,
    desc: "Internal server error",
    detail: "internal server error",
  });
  expect(response.headers.get("luna-request-id")).toBeTruthy();
});

const STATUSES: readonly (readonly [ErrorCode, number, number])[] = [
  ["store_unavailable", 500, 10015],
  ["deadline_exceeded", 504, 9],
  ["request_too_large", 413, 12046],
  ["request_too_slow", 408, 12046],
  ["media_type_unsupported", 400, 12017],
  ["overloaded", 503, 1],
  ["pool_full", 503, 1],
  ["shutting_down", 503, 1],
  ["model_unavailable", 503, 1],
  ["stage_failed", 500, 1],
  ["worker_failed", 500, 1],
];
for (const [code, status, told] of STATUSES) {
  test(`the failure ${code} is answered with ${status} and code ${told}`, async () => {
    const response = await answerOf(() => {
      throw new FacewireError(code, "Words.", { details: { retry_after_s: 2.2 } });
    });
    const body = (await response.json()) as { error_code: number };
    expect([response.status, body.error_code]).toEqual([status, told]);
    expect(response.headers.get("retry-after")).toBe(status === 503 ? "3" : null);
  });
}

test("work that is too late is told so, and its answer thrown away", async () => {
  const told = Promise.withResolvers<unknown>();
  const response = await answerOf((call) => {
    call.signal.addEventListener("abort", () => told.resolve(call.signal.reason));
    return new Promise(() => {});
  }, 20);
  expect(response.status).toBe(504);
  expect(await told.promise).toMatchObject({ lunaCode: 9 });
});
