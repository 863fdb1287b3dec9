/** Pages of tokens, descriptors, persons, lists and members. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { LunaClient } from "../../support/luna/client.ts";
import { newDescriptors, newList, newPerson } from "../../support/luna/objects.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

const MORE_THAN_A_PAGE = 12;

/** A listing: where it is, the ids on a page of it, and how many there are in all. */
interface Listing {
  readonly name: string;
  /** What it promises of defaults, page sizes, page 0, large pages and pages past the end. */
  readonly promises: readonly string[];
  path(): string;
  client(): LunaClient;
  ids(body: Readonly<Record<string, never>>): readonly string[];
  count(body: Readonly<Record<string, never>>): number;
}

let server: LunaServer;
let basic: LunaClient;
let client: LunaClient;
let list: string;

const idsOf = (member: string) => (body: Readonly<Record<string, readonly { id: string }[]>>) =>
  body[member]!.map(({ id }) => id);
const count = (body: Readonly<Record<string, number>>) => body.count!;

const listings = [
  {
    name: "/4/account/tokens",
    promises: ["LUNA-PAGE-001", "LUNA-PAGE-002", "LUNA-PAGE-003", "LUNA-PAGE-004", "LUNA-PAGE-005"],
    path: () => "/4/account/tokens",
    client: () => basic,
    ids: idsOf("tokens"),
    count,
  },
  {
    name: "/4/storage/descriptors",
    promises: ["LUNA-PAGE-006", "LUNA-PAGE-007", "LUNA-PAGE-008", "LUNA-PAGE-009", "LUNA-PAGE-010"],
    path: () => "/4/storage/descriptors",
    client: () => client,
    ids: idsOf("descriptors"),
    count,
  },
  {
    name: "/4/storage/persons",
    promises: ["LUNA-PAGE-011", "LUNA-PAGE-012", "LUNA-PAGE-013", "LUNA-PAGE-014", "LUNA-PAGE-015"],
    path: () => "/4/storage/persons",
    client: () => client,
    ids: idsOf("persons"),
    count,
  },
  {
    name: "/4/storage/lists",
    promises: ["LUNA-PAGE-016", "LUNA-PAGE-017", "LUNA-PAGE-018", "LUNA-PAGE-019", "LUNA-PAGE-020"],
    path: () => "/4/storage/lists",
    client: () => client,
    ids: (body: { lists: { person_lists: { id: string }[] } }) => body.lists.person_lists.map(({ id }) => id),
    count: (body: { persons_list_count: number }) => body.persons_list_count,
  },
  {
    name: "/4/storage/lists/{list_id}",
    promises: ["LUNA-PAGE-021", "LUNA-PAGE-022", "LUNA-PAGE-023", "LUNA-PAGE-024", "LUNA-PAGE-025"],
    path: () => `/4/storage/lists/${list}`,
    client: () => client,
    ids: idsOf("persons"),
    count,
  },
] as unknown as readonly Listing[];

beforeAll(async () => {
  server = await startLuna({ shipped: false });
  ({ basic, client } = await server.newAccount());
  list = await newList(client, "persons");
  await newDescriptors(client, MORE_THAN_A_PAGE);
  const persons: string[] = [];
  for (let i = 0; i < MORE_THAN_A_PAGE; i++) {
    persons.push(await newPerson(client, { user_data: `person ${i}` }));
    await newList(client, "persons", `list ${i}`);
    await basic.post("/4/account/tokens", { token_data: `token ${i}` });
  }
  await client.patch("/4/storage/linker", { action: "attach", list_id: list, person_ids: persons });
});
afterAll(() => server.stop());

describe.each(listings)("$name", (listing) => {
  const { promises } = listing;
  const get = (query?: Readonly<Record<string, string | number>>) => listing.client().get(listing.path(), query);

  test(`${promises[0]} without parameters it is page 1 of at most 10 elements`, async () => {
    const { status, body } = await get();
    expect(status).toBe(200);
    expect(listing.ids(body)).toHaveLength(10);
    expect(listing.ids(body)).toEqual(listing.ids((await get({ page: 1, page_size: 10 })).body));
    expect(listing.count(body)).toBeGreaterThanOrEqual(MORE_THAN_A_PAGE);
  });

  test(`${promises[1]} a page size of 0, beyond 1000 or that is no number is refused with its name`, async () => {
    for (const page_size of ["0", "1001", "x", "-1", "1.5", ""]) {
      const { status, body } = await get({ page_size });
      expect([page_size, status, body.error_code]).toEqual([page_size, 400, 12012]);
      expect(body.detail).toBe("Bad query parameters 'page_size'");
    }
  });

  test(`${promises[2]} page 0 is refused with its name`, async () => {
    const { status, body } = await get({ page: 0 });
    expect([status, body.error_code, body.detail]).toEqual([400, 12012, "Bad query parameters 'page'"]);
  });

  test(`${promises[3]} a page of 1000 is taken`, async () => {
    const { status, body } = await get({ page_size: 1000 });
    expect(status).toBe(200);
    expect(listing.ids(body)).toHaveLength(listing.count(body));
  });

  test(`${promises[4]} a page past the end is empty and counts all the same`, async () => {
    const { status, body } = await get({ page: 99999 });
    expect(status).toBe(200);
    expect(listing.ids(body)).toEqual([]);
    expect(listing.count(body)).toBe(listing.count((await get()).body));
  });

  test("LUNA-PAGE-026 walking all pages of size 3 gives each object exactly once", async () => {
    const all = listing.ids((await get({ page_size: 1000 })).body);
    const walked: string[] = [];
    for (let page = 1; page <= Math.ceil(all.length / 3) + 1; page++) {
      walked.push(...listing.ids((await get({ page, page_size: 3 })).body));
    }
    expect(walked).toEqual([...all]);
    expect(new Set(walked).size).toBe(all.length);
  });
});

test("LUNA-PAGE-027 the count is that of all matches, also with filters", async () => {
  const { body } = await client.get("/4/storage/persons", { user_data: "person 1", page_size: 1 });
  expect(body.persons).toHaveLength(1);
  // person 1, person 10, person 11
  expect(body.count).toBe(3);
});
