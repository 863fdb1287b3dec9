/** How long descriptors are kept that belong to nothing. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type FakeClock, fakeClock, scripted, testPicture } from "../../../src/testing/index.ts";
import type { LunaClient } from "../../support/luna/client.ts";
import { newList, newPerson } from "../../support/luna/objects.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

const DESCRIPTORS = "/4/storage/descriptors";
const PORTRAITS = "/4/storage/portraits";
const DAY = 86_400_000;

/** A server in which days pass as the test says. */
function startAging(clock: FakeClock, descriptor_lifetime: string): Promise<LunaServer> {
  const settings = { gallery: { descriptor_lifetime } };
  return startLuna({ shipped: ["luna-extract"], models: { "*": scripted() }, clock, settings });
}

async function made(client: LunaClient): Promise<string> {
  const { status, body } = await client.post(DESCRIPTORS, await testPicture(), { type: "image/png" });
  expect(status).toBe(201);
  return body.faces[0].id;
}

const isThere = async (client: LunaClient, id: string) => {
  const statuses = [(await client.get(`${DESCRIPTORS}/${id}`)).status, (await client.get(`${PORTRAITS}/${id}`)).status];
  expect([
    [200, 200],
    [404, 404],
  ]).toContainEqual(statuses);
  return statuses[0] === 200;
};

const attach = (client: LunaClient, person: string, descriptor_id: string, action = "attach") =>
  client.call("PATCH", `/4/storage/persons/${person}/linked_descriptors`, { query: { descriptor_id, do: action } });
const list = (client: LunaClient, list_id: string, id: string, action = "attach") =>
  client.call("PATCH", `${DESCRIPTORS}/${id}/linked_lists`, { query: { list_id, do: action } });

const clock = fakeClock("2030-01-01T08:00:00Z");
let server: LunaServer;
let client: LunaClient;
beforeAll(async () => {
  server = await startAging(clock, "30d");
});
afterAll(() => server.stop());
beforeEach(async () => {
  ({ client } = await server.newAccount());
});

test("LUNA-DESC-055 a descriptor that belongs to nothing is gone after its time, with its portrait", async () => {
  const old = await made(client);
  await clock.advance("20d");
  const young = await made(client);
  expect((await client.get(DESCRIPTORS)).body.count).toBe(2);
  await clock.advance("9d");
  expect(await isThere(client, old)).toBe(true);
  await clock.advance("2d");
  expect(await isThere(client, old)).toBe(false);
  expect(await isThere(client, young)).toBe(true);
  expect((await client.get(DESCRIPTORS)).body.count).toBe(1);
});

describe("LUNA-DESC-056 LUNA-DESC-057 what belongs to a person or a list stays, and has its whole time again afterwards", () => {
  test("a person", async () => {
    const [id, person] = [await made(client), await newPerson(client)];
    await clock.advance("10d");
    await attach(client, person, id);
    await clock.advance("400d");
    expect(await isThere(client, id)).toBe(true);
    await attach(client, person, id, "detach");
    expect(Date.parse((await client.get(`${DESCRIPTORS}/${id}`)).body.last_update)).toBe(clock.now());
    await clock.advance("29d");
    expect(await isThere(client, id)).toBe(true);
    await clock.advance("2d");
    expect(await isThere(client, id)).toBe(false);
  });

  test("a list", async () => {
    const id = await made(client);
    const lists = [await newList(client, "descriptors"), await newList(client, "descriptors")] as const;
    for (const each of lists) await list(client, each, id);
    await clock.advance("400d");
    await list(client, lists[0], id, "detach");
    await clock.advance("31d");
    expect(await isThere(client, id)).toBe(true);
    await list(client, lists[1], id, "detach");
    await clock.advance("29d");
    expect(await isThere(client, id)).toBe(true);
    await clock.advance("2d");
    expect(await isThere(client, id)).toBe(false);
  });

  test("a person or a list that is deleted", async () => {
    const [ofPerson, ofList] = [await made(client), await made(client)];
    const [person, wanted] = [await newPerson(client), await newList(client, "descriptors")];
    await attach(client, person, ofPerson);
    await list(client, wanted, ofList);
    await clock.advance("400d");
    await client.delete(`/4/storage/persons/${person}`);
    await client.delete(`/4/storage/lists/${wanted}`);
    await clock.advance("29d");
    expect([await isThere(client, ofPerson), await isThere(client, ofList)]).toEqual([true, true]);
    await clock.advance("2d");
    expect([await isThere(client, ofPerson), await isThere(client, ofList)]).toEqual([false, false]);
  });
});

test("LUNA-DESC-058 with a lifetime of 0 nothing is ever collected", async () => {
  const forever = fakeClock("2030-01-01T08:00:00Z");
  await using keeper = await startAging(forever, "0s");
  const { client: owner } = await keeper.newAccount();
  const id = await made(owner);
  await forever.advance(10_000 * DAY);
  expect(await isThere(owner, id)).toBe(true);
});
