/** The description and the dialect are about the same operations, and every answer of each is one that is described. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { LunaContext } from "../../../src/api/luna/context.ts";
import { lunaOperations } from "../../../src/api/luna/operations.ts";
import type { LunaAccount } from "../../support/luna/client.ts";
import { DESCRIBED_OPERATIONS, type DescribedOperation } from "../../support/luna/contract.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

let server: LunaServer;
let account: LunaAccount;
beforeAll(async () => {
  server = await startLuna({ shipped: false, settings: { luna: { metrics: true } } });
  account = await server.newAccount();
});
afterAll(() => server.stop());

const real = ({ path }: DescribedOperation) =>
  path
    .replace("{descriptor_id_with_thumbnails}", `${crypto.randomUUID()}_96`)
    .replaceAll(/\{\w+\}/g, crypto.randomUUID());

test("the description has 35 paths with 84 operations", () => {
  expect(new Set(DESCRIBED_OPERATIONS.map(({ path }) => path)).size).toBe(35);
  expect(DESCRIBED_OPERATIONS).toHaveLength(84);
});

test("the dialect has no operation of the API that is not described", async () => {
  const described = new Set(DESCRIBED_OPERATIONS.map(({ name }) => name));
  const { settings } = await import("../../../src/settings/load.ts").then(({ settingsOf }) => ({
    settings: settingsOf({}),
  }));
  const context = { settings, store: {}, revocations: { on: () => () => {} } } as unknown as LunaContext;
  const extra = lunaOperations(context)
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`)
    .filter((name) => !described.has(name) && !/^GET \/(swagger|docs)\b/.test(name));
  expect(extra).toEqual([]);
});

for (const operation of DESCRIBED_OPERATIONS) {
  // The client checks each answer against the description, or as an error where its status is not described.
  test(`LUNA-GEN-023 ${operation.name} is there and answers as described: to strangers, to its account, and to nonsense`, async () => {
    const stranger = await server.call(operation.method, real(operation));
    expect([stranger.status, stranger.body?.error_code]).not.toEqual([404, 12013]);
    expect(stranger.status).not.toBe(405);
    if (operation.secured && operation.method !== "OPTIONS") expect(stranger.status).toBe(401);
    const own = await account.basic.call(operation.method, real(operation));
    expect([401, 405]).not.toContain(own.status);
    const nonsense = operation.method === "GET" || operation.method === "OPTIONS" ? {} : { body: { nonsense: [1] } };
    const answer = await account.basic.call(
      operation.method,
      `${real(operation)}?page=x&do=x&limit=x&list_id=x`,
      nonsense,
    );
    expect(answer.status).not.toBe(401);
    expect([operation.name, answer.body?.error_code]).not.toEqual([operation.name, 1]);
  });
}
