/** Lists of persons and descriptors, and who is on them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { LunaAnswer, LunaClient } from "../../support/luna/client.ts";
import { newDescriptor, newDescriptors, newList, newPerson } from "../../support/luna/objects.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

const LISTS = "/4/storage/lists";
const LINKER = "/4/storage/linker";
const DESCRIPTORS = "/4/storage/descriptors";
const UNKNOWN = "11111111-2222-4333-8444-555555555555";

let server: LunaServer;
let client: LunaClient;
let stranger: LunaClient;

beforeAll(async () => {
  server = await startLuna({ shipped: false });
  ({ client } = await server.newAccount());
  ({ client: stranger } = await server.newAccount());
});
afterAll(() => server.stop());

const told = ({ status, body }: LunaAnswer) => [status, body?.error_code];
const listOf = async (id: string) => (await client.get(`${LISTS}/${id}`)).body;
const allLists = async () => (await client.get(LISTS, { page_size: 1000 })).body;
const idsOf = (objects: readonly { id: string }[]) => objects.map(({ id }) => id);

describe("making lists", () => {
  test("LUNA-LIST-001 a list is one of persons where nothing else is said", async () => {
    const { status, body } = await client.post(LISTS, { list_data: "x" });
    expect(status).toBe(201);
    expect(Object.keys(body)).toEqual(["list_id"]);
    expect(await listOf(body.list_id)).toEqual({ persons: [], list_data: "x", count: 0 });
  });

  test.each([
    ["LUNA-LIST-002", "descriptors", "descriptor_lists"],
    ["LUNA-LIST-003", "persons", "person_lists"],
  ])("%s a list of %s is shown under %s", async (_id, type, group) => {
    const { status, body } = await client.post(LISTS, {}, { query: { type } });
    expect(status).toBe(201);
    const { lists } = await allLists();
    expect(idsOf(lists[group])).toContain(body.list_id);
    const [other] = Object.keys(lists).filter((each) => each !== group);
    expect(idsOf(lists[other!])).not.toContain(body.list_id);
  });

  test("LUNA-LIST-004 another type is refused with its name", async () => {
    const answer = await client.post(LISTS, {}, { query: { type: "faces" } });
    expect(told(answer)).toEqual([400, 12012]);
    expect(answer.body.detail).toBe("Bad query parameters 'type'");
  });

  test("LUNA-LIST-005 list data that is no text is refused with its name", async () => {
    const answer = await client.post(LISTS, { list_data: 5 });
    expect(told(answer)).toEqual([400, 12022]);
    expect(answer.body.detail).toStartWith("Failed to validate input json. Path: 'list_data'");
  });

  test("LUNA-LIST-006 an empty object makes a list with empty data", async () => {
    const { status, body } = await client.post(LISTS, {});
    expect(status).toBe(201);
    expect((await listOf(body.list_id)).list_data).toBe("");
  });

  test("LUNA-LIST-007 list data of 128 characters is taken, one more is not", async () => {
    expect((await client.post(LISTS, { list_data: "x".repeat(128) })).status).toBe(201);
    expect(told(await client.post(LISTS, { list_data: "x".repeat(129) }))).toEqual([400, 12022]);
  });
});

describe("reading lists", () => {
  test("LUNA-LIST-008 both groups are told with their counts", async () => {
    await newList(client, "descriptors");
    const body = await allLists();
    expect(Object.keys(body).sort()).toEqual(["descriptors_list_count", "lists", "persons_list_count"]);
    expect(Object.keys(body.lists).sort()).toEqual(["descriptor_lists", "person_lists"]);
    expect(body.persons_list_count).toBe(body.lists.person_lists.length);
    expect(body.descriptors_list_count).toBe(body.lists.descriptor_lists.length);
  });

  test("LUNA-LIST-009 each list is told with its data and how many members it has", async () => {
    const list = await newList(client, "descriptors", "door");
    const descriptor_ids = await newDescriptors(client, 3);
    await client.patch(LINKER, { action: "attach", list_id: list, descriptor_ids });
    const { lists } = await allLists();
    const shown = lists.descriptor_lists.find(({ id }: { id: string }) => id === list);
    expect(shown).toEqual({ id: list, list_data: "door", count: 3 });
  });

  test("LUNA-LIST-010 a page has at most its size of each kind", async () => {
    for (const type of ["persons", "persons", "descriptors", "descriptors"] as const) await newList(client, type);
    const { body } = await client.get(LISTS, { page: 1, page_size: 1 });
    expect(body.lists.person_lists).toHaveLength(1);
    expect(body.lists.descriptor_lists).toHaveLength(1);
    expect(body.persons_list_count).toBeGreaterThan(1);
    expect(body.descriptors_list_count).toBeGreaterThan(1);
  });

  test("LUNA-LIST-011 a list of persons shows them with six members each", async () => {
    const list = await newList(client, "persons", "staff");
    const person = await newPerson(client, { user_data: "u", external_id: "e" });
    await client.patch(LINKER, { action: "attach", list_id: list, person_ids: [person] });
    const body = await listOf(list);
    expect(body).toMatchObject({ list_data: "staff", count: 1 });
    expect(body.persons).toEqual([(await client.get(`/4/storage/persons/${person}`)).body]);
    expect(Object.keys(body.persons[0]).sort()).toEqual(
      ["create_time", "descriptors", "external_id", "id", "lists", "user_data"].sort(),
    );
    expect(body.persons[0].lists).toEqual([list]);
  });

  test("LUNA-LIST-012 a list of descriptors shows them with id, time and person", async () => {
    const list = await newList(client, "descriptors", "wanted");
    const descriptor = await newDescriptor(client);
    await client.patch(LINKER, { action: "attach", list_id: list, descriptor_ids: [descriptor] });
    const { id, last_update, person_id } = (await client.get(`${DESCRIPTORS}/${descriptor}`)).body;
    expect(await listOf(list)).toEqual({
      descriptors: [{ id, last_update, person_id }],
      list_data: "wanted",
      count: 1,
    });
  });

  test("LUNA-LIST-013 an unknown list, and one of another account, is not found", async () => {
    for (const id of [UNKNOWN, await newList(stranger, "persons")]) {
      const answer = await client.get(`${LISTS}/${id}`);
      expect(told(answer)).toEqual([404, 22003]);
      expect(answer.body.detail).toBe(`List with id '${id}' not found`);
    }
  });
});

describe("changing lists", () => {
  test("LUNA-LIST-014 the data of a list can be changed", async () => {
    const list = await newList(client, "persons", "x");
    const { status, bytes } = await client.patch(`${LISTS}/${list}`, { list_data: "y" });
    expect([status, bytes.length]).toEqual([204, 0]);
    expect((await listOf(list)).list_data).toBe("y");
  });

  test("LUNA-LIST-015 a change without data is refused", async () => {
    const list = await newList(client, "persons", "x");
    expect(told(await client.patch(`${LISTS}/${list}`, {}))).toEqual([400, 12022]);
    expect((await listOf(list)).list_data).toBe("x");
  });

  test("LUNA-LIST-016 an unknown list cannot be changed, nor one of another account", async () => {
    const theirs = await newList(stranger, "persons", "theirs");
    for (const id of [UNKNOWN, theirs]) {
      expect(told(await client.patch(`${LISTS}/${id}`, { list_data: "y" }))).toEqual([404, 22003]);
    }
    expect((await stranger.get(`${LISTS}/${theirs}`)).body.list_data).toBe("theirs");
  });

  test("LUNA-LIST-017 members of a deleted list stay and no longer name it", async () => {
    const list = await newList(client, "persons");
    const person = await newPerson(client);
    await client.patch(LINKER, { action: "attach", list_id: list, person_ids: [person] });
    const wanted = await newList(client, "descriptors");
    const descriptor = await newDescriptor(client);
    await client.patch(LINKER, { action: "attach", list_id: wanted, descriptor_ids: [descriptor] });
    for (const each of [list, wanted]) {
      const { status, bytes } = await client.delete(`${LISTS}/${each}`);
      expect([status, bytes.length]).toEqual([204, 0]);
      expect(told(await client.get(`${LISTS}/${each}`))).toEqual([404, 22003]);
    }
    expect((await client.get(`/4/storage/persons/${person}`)).body.lists).toEqual([]);
    expect((await client.get(`${DESCRIPTORS}/${descriptor}`)).body.lists).toEqual([]);
  });

  test("LUNA-LIST-018 an unknown list cannot be deleted, nor one of another account", async () => {
    const theirs = await newList(stranger, "persons");
    for (const id of [UNKNOWN, theirs]) expect(told(await client.delete(`${LISTS}/${id}`))).toEqual([404, 22003]);
    expect((await stranger.get(`${LISTS}/${theirs}`)).status).toBe(200);
  });

  test("LUNA-LIST-019 several lists are deleted at once, of either type", async () => {
    const lists = [await newList(client, "persons"), await newList(client, "descriptors")];
    const { status, bytes } = await client.delete(LISTS, { lists });
    expect([status, bytes.length]).toEqual([204, 0]);
    for (const id of lists) expect(told(await client.get(`${LISTS}/${id}`))).toEqual([404, 22003]);
  });

  test("LUNA-LIST-020 what is no array of ids is refused with its place", async () => {
    const answer = await client.delete(LISTS, { lists: "a" });
    expect(told(answer)).toEqual([400, 12022]);
    expect(answer.body.detail).toBe("Failed to validate input json. Path: 'lists', message: 'lists must be array'");
    const second = await client.delete(LISTS, { lists: [UNKNOWN, "a"] });
    expect(told(second)).toEqual([400, 12022]);
    expect(second.body.detail).toStartWith("Failed to validate input json. Path: 'lists[1]'");
  });

  test("LUNA-LIST-021 unknown lists, and those of other accounts, are passed over", async () => {
    const own = await newList(client, "persons");
    const theirs = await newList(stranger, "persons");
    expect((await client.delete(LISTS, { lists: [UNKNOWN, theirs, own] })).status).toBe(204);
    expect(told(await client.get(`${LISTS}/${own}`))).toEqual([404, 22003]);
    expect((await stranger.get(`${LISTS}/${theirs}`)).status).toBe(200);
  });
});

describe("lists of a descriptor", () => {
  const linked = (descriptor: string) => `${DESCRIPTORS}/${descriptor}/linked_lists`;
  const link = (descriptor: string, query: Readonly<Record<string, string>>) =>
    client.call("PATCH", linked(descriptor), { query });
  let descriptor: string;
  let list: string;

  beforeAll(async () => {
    descriptor = await newDescriptor(client);
    list = await newList(client, "descriptors");
  });

  test("LUNA-LIST-022 they are listed; those of an unknown descriptor are not", async () => {
    expect((await client.get(linked(descriptor))).body).toEqual({ lists: [] });
    for (const id of [UNKNOWN, await newDescriptor(stranger)]) {
      const answer = await client.get(linked(id));
      expect(told(answer)).toEqual([404, 11018]);
      expect(answer.body.detail).toBe(`Descriptor with id '${id}' not found.`);
    }
  });

  test("LUNA-LIST-023 a descriptor is attached, and attaching it again changes nothing", async () => {
    for (let round = 0; round < 2; round++) {
      const { status, bytes } = await link(descriptor, { list_id: list, do: "attach" });
      expect([status, bytes.length]).toEqual([204, 0]);
      expect((await client.get(linked(descriptor))).body).toEqual({ lists: [list] });
      expect(await listOf(list)).toMatchObject({ count: 1, descriptors: [{ id: descriptor }] });
    }
    for (let round = 0; round < 2; round++) {
      expect((await link(descriptor, { list_id: list, do: "detach" })).status).toBe(204);
      expect((await client.get(linked(descriptor))).body).toEqual({ lists: [] });
    }
  });

  test("LUNA-LIST-024 a list of persons is refused", async () => {
    const other = await newList(client, "persons");
    const answer = await link(descriptor, { list_id: other, do: "attach" });
    expect(told(answer)).toEqual([400, 36001]);
    expect(answer.body.detail).toBe(`Expected list of descriptors. Got list of persons. List id '${other}'`);
  });

  test.each([
    ["list_id", { do: "attach" }],
    ["do", { list_id: UNKNOWN }],
  ])("LUNA-LIST-025 without %s its name is told", async (name, query) => {
    const answer = await link(descriptor, query as unknown as Record<string, string>);
    expect(told(answer)).toEqual([400, 12014]);
    expect(answer.body.detail).toBe(`Required parameters '${name}' not found`);
  });

  test("LUNA-LIST-026 an unknown descriptor, and one of another account, is not found, whatever the list is", async () => {
    for (const id of [UNKNOWN, await newDescriptor(stranger)]) {
      for (const each of [list, UNKNOWN, await newList(client, "persons")]) {
        expect(told(await link(id, { list_id: each, do: "attach" }))).toEqual([404, 11018]);
      }
    }
  });
});

describe("the linker", () => {
  let persons: readonly string[];
  let descriptors: readonly string[];
  let staff: string;
  let wanted: string;

  beforeAll(async () => {
    persons = [await newPerson(client), await newPerson(client), await newPerson(client)];
    descriptors = await newDescriptors(client, 3);
    staff = await newList(client, "persons");
    wanted = await newList(client, "descriptors");
  });

  test("LUNA-LIST-027 many persons are attached at once", async () => {
    const { status, bytes } = await client.patch(LINKER, { action: "attach", person_ids: persons, list_id: staff });
    expect([status, bytes.length]).toEqual([204, 0]);
    expect(idsOf((await listOf(staff)).persons).sort()).toEqual([...persons].sort());
  });

  test("LUNA-LIST-028 many descriptors are attached at once", async () => {
    const body = { action: "attach", descriptor_ids: descriptors, list_id: wanted };
    expect((await client.patch(LINKER, body)).status).toBe(204);
    expect(idsOf((await listOf(wanted)).descriptors).sort()).toEqual([...descriptors].sort());
  });

  test("LUNA-LIST-029 they are detached at once, too", async () => {
    await client.patch(LINKER, { action: "detach", person_ids: persons.slice(1), list_id: staff });
    await client.patch(LINKER, { action: "detach", descriptor_ids: descriptors, list_id: wanted });
    expect(idsOf((await listOf(staff)).persons)).toEqual([persons[0]!]);
    expect((await listOf(wanted)).count).toBe(0);
  });

  test.each([
    ["LUNA-LIST-030", "both kinds of ids", { person_ids: [], descriptor_ids: [] }, ""],
    ["LUNA-LIST-031", "no ids", {}, ""],
    ["LUNA-LIST-032", "a number for the list", { person_ids: [], list_id: 5 }, "list_id"],
    ["LUNA-LIST-032", "no list", { person_ids: [], list_id: undefined }, ""],
    ["LUNA-LIST-032", "an id that is none", { person_ids: ["x"] }, "person_ids[0]"],
    ["LUNA-LIST-032", "another action", { action: "join", person_ids: [] }, "action"],
    ["LUNA-LIST-032", "an unknown member", { person_ids: [], force: true }, ""],
  ])("%s %s are refused", async (_id, _what, body, path) => {
    const answer = await client.patch(LINKER, { action: "attach", list_id: staff, ...body });
    expect(told(answer)).toEqual([400, 12022]);
    expect(answer.body.detail).toStartWith(`Failed to validate input json. Path: '${path}'`);
  });

  test("LUNA-LIST-033 with one unknown id among known ones nothing is attached", async () => {
    const list = await newList(client, "persons");
    const theirs = await newPerson(stranger);
    for (const odd of [UNKNOWN, theirs]) {
      const answer = await client.patch(LINKER, { action: "attach", list_id: list, person_ids: [...persons, odd] });
      expect(told(answer)).toEqual([400, 11020]);
      expect(answer.body.detail).toBe("One or more person not found");
    }
    expect((await listOf(list)).count).toBe(0);
    const body = { action: "attach", list_id: wanted, descriptor_ids: [...descriptors, UNKNOWN] };
    const answer = await client.patch(LINKER, body);
    expect(told(answer)).toEqual([400, 11020]);
    expect(answer.body.detail).toBe("One or more descriptor not found");
    expect((await listOf(wanted)).count).toBe(0);
  });

  test("LUNA-LIST-034 an unknown list, and one of another account, is refused", async () => {
    for (const id of [UNKNOWN, await newList(stranger, "persons")]) {
      const answer = await client.patch(LINKER, { action: "attach", list_id: id, person_ids: persons });
      expect(told(answer)).toEqual([400, 22003]);
    }
  });

  test("LUNA-LIST-035 a list of the other type is refused", async () => {
    const body = { action: "attach", list_id: wanted, person_ids: persons };
    expect(told(await client.patch(LINKER, body))).toEqual([400, 36001]);
    const other = { action: "attach", list_id: staff, descriptor_ids: descriptors };
    expect(told(await client.patch(LINKER, other))).toEqual([400, 36001]);
  });

  test("LUNA-LIST-036 who is put on a list or taken off it counts in the next match", async () => {
    const list = await newList(client, "persons");
    const [descriptor] = await newDescriptors(client, 1);
    const person = await newPerson(client);
    const identify = async () => {
      const { status, body } = await client.call("POST", "/4/matching/identify", {
        query: { descriptor_id: descriptor!, list_id: list },
      });
      expect(status).toBe(201);
      return body.candidates.map((each: { person_id: string }) => each.person_id);
    };
    const link = (action: string) => client.patch(LINKER, { action, list_id: list, person_ids: [person] });
    await client.call("PATCH", `/4/storage/persons/${person}/linked_descriptors`, {
      query: { descriptor_id: descriptor!, do: "attach" },
    });
    for (let round = 0; round < 5; round++) {
      expect(await identify()).toEqual([]);
      await link("attach");
      expect(await identify()).toEqual([person]);
      await link("detach");
    }
  });
});
