/** Ids of another account, wherever a request can name one: each answer is that for an id that never was. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { LunaAccount } from "../../support/luna/client.ts";
import { DESCRIBED_OPERATIONS, idsOf } from "../../support/luna/contract.ts";
import { newDescriptor, newList, newPerson, SDK_TYPE, sdkFile } from "../../support/luna/objects.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

/** What an account has, by the ids that requests name it by. */
interface Things {
  readonly token: string;
  readonly person: string;
  readonly descriptor: string;
  readonly persons: string;
  readonly descriptors: string;
}

/** A request that names things of somebody else beside the caller's own. */
interface Naming {
  /** As in the description, such as `GET /4/storage/persons/{person_id}`. */
  readonly operation: string;
  /** What is named, in words of the description. */
  readonly names: string;
  readonly path: (foreign: Things, own: Things) => string;
  readonly body?: (foreign: Things, own: Things) => unknown;
  readonly type?: string;
}

const naming = (operation: string, names: string, path: Naming["path"], body?: Naming["body"]): Naming => ({
  operation,
  names,
  path,
  ...(body && { body }),
});
const face = (operation: string, names: string, path: Naming["path"]): Naming => ({
  ...naming(operation, names, path, () => sdkFile(3)),
  type: SDK_TYPE,
});

const DESCRIPTORS = "/4/storage/descriptors";
const PERSONS = "/4/storage/persons";
const LISTS = "/4/storage/lists";
const MATCHING = "/4/matching";
const HANDLERS = "/4/handlers";
const TOKENS = "/4/account/tokens";

const NAMINGS: readonly Naming[] = [
  ...["GET", "PATCH", "DELETE"].map((method) =>
    naming(`${method} ${TOKENS}/{token_id}`, "token_id", (f) => `${TOKENS}/${f.token}`, tokenNote(method)),
  ),
  naming(
    `DELETE ${TOKENS}`,
    "body",
    () => TOKENS,
    (f) => ({ tokens: [f.token] }),
  ),
  naming(`GET ${DESCRIPTORS}/{descriptor_id}`, "descriptor_id", (f) => `${DESCRIPTORS}/${f.descriptor}`),
  naming(
    `GET ${DESCRIPTORS}/{descriptor_id}/linked_lists`,
    "descriptor_id",
    (f) => `${DESCRIPTORS}/${f.descriptor}/linked_lists`,
  ),
  ...["attach", "detach"].flatMap((action) => [
    naming(
      `PATCH ${DESCRIPTORS}/{descriptor_id}/linked_lists`,
      "descriptor_id",
      (f, own) => `${DESCRIPTORS}/${f.descriptor}/linked_lists?do=${action}&list_id=${own.descriptors}`,
    ),
    naming(
      `PATCH ${DESCRIPTORS}/{descriptor_id}/linked_lists`,
      "list_id",
      (f, own) => `${DESCRIPTORS}/${own.descriptor}/linked_lists?do=${action}&list_id=${f.descriptors}`,
    ),
    // Of the wrong kind besides, which must not show either.
    naming(
      `PATCH ${DESCRIPTORS}/{descriptor_id}/linked_lists`,
      "list_id",
      (f, own) => `${DESCRIPTORS}/${own.descriptor}/linked_lists?do=${action}&list_id=${f.persons}`,
    ),
    naming(
      `PATCH ${PERSONS}/{person_id}/linked_descriptors`,
      "person_id",
      (f, own) => `${PERSONS}/${f.person}/linked_descriptors?do=${action}&descriptor_id=${own.descriptor}`,
    ),
    naming(
      `PATCH ${PERSONS}/{person_id}/linked_descriptors`,
      "descriptor_id",
      (f, own) => `${PERSONS}/${own.person}/linked_descriptors?do=${action}&descriptor_id=${f.descriptor}`,
    ),
    naming(
      `PATCH ${PERSONS}/{person_id}/linked_lists`,
      "person_id",
      (f, own) => `${PERSONS}/${f.person}/linked_lists?do=${action}&list_id=${own.persons}`,
    ),
    naming(
      `PATCH ${PERSONS}/{person_id}/linked_lists`,
      "list_id",
      (f, own) => `${PERSONS}/${own.person}/linked_lists?do=${action}&list_id=${f.persons}`,
    ),
    naming(
      `PATCH ${PERSONS}/{person_id}/linked_lists`,
      "list_id",
      (f, own) => `${PERSONS}/${own.person}/linked_lists?do=${action}&list_id=${f.descriptors}`,
    ),
    linker((f, own) => ({ action, list_id: f.persons, person_ids: [own.person] })),
    linker((f, own) => ({ action, list_id: f.persons, descriptor_ids: [own.descriptor] })),
    linker((f, own) => ({ action, list_id: own.persons, person_ids: [own.person, f.person] })),
    linker((f, own) => ({ action, list_id: own.descriptors, descriptor_ids: [f.descriptor, own.descriptor] })),
  ]),
  naming("GET /4/storage/portraits/{descriptor_id}", "descriptor_id", (f) => `/4/storage/portraits/${f.descriptor}`),
  naming(
    "GET /4/storage/portraits/{descriptor_id_with_thumbnails}",
    "descriptor_id_with_thumbnails",
    (f) => `/4/storage/portraits/${f.descriptor}_64`,
  ),
  naming(`GET ${PERSONS}/{person_id}`, "person_id", (f) => `${PERSONS}/${f.person}`),
  naming(
    `PATCH ${PERSONS}/{person_id}`,
    "person_id",
    (f) => `${PERSONS}/${f.person}`,
    () => ({ user_data: "x" }),
  ),
  naming(`DELETE ${PERSONS}/{person_id}`, "person_id", (f) => `${PERSONS}/${f.person}`),
  naming(
    `GET ${PERSONS}/{person_id}/linked_descriptors`,
    "person_id",
    (f) => `${PERSONS}/${f.person}/linked_descriptors`,
  ),
  naming(`GET ${PERSONS}/{person_id}/linked_lists`, "person_id", (f) => `${PERSONS}/${f.person}/linked_lists`),
  naming(`GET ${LISTS}/{list_id}`, "list_id", (f) => `${LISTS}/${f.persons}`),
  naming(
    `PATCH ${LISTS}/{list_id}`,
    "list_id",
    (f) => `${LISTS}/${f.persons}`,
    () => ({ list_data: "x" }),
  ),
  naming(`DELETE ${LISTS}/{list_id}`, "list_id", (f) => `${LISTS}/${f.persons}`),
  naming(
    `DELETE ${LISTS}`,
    "body",
    () => LISTS,
    (f) => ({ lists: [f.persons, f.descriptors] }),
  ),
  matching("verify", "descriptor_id", (f, own) => `descriptor_id=${f.descriptor}&person_id=${own.person}`),
  matching("verify", "person_id", (f, own) => `descriptor_id=${own.descriptor}&person_id=${f.person}`),
  matching("identify", "person_id", (f, own) => `person_id=${f.person}&list_id=${own.persons}`),
  matching("identify", "descriptor_id", (f, own) => `descriptor_id=${f.descriptor}&list_id=${own.persons}`),
  matching("identify", "list_id", (f, own) => `descriptor_id=${own.descriptor}&list_id=${f.persons}`),
  matching("identify", "list_id", (f, own) => `descriptor_id=${own.descriptor}&list_id=${f.descriptors}`),
  matching(
    "identify",
    "person_ids",
    (f, own) => `descriptor_id=${own.descriptor}&person_ids=${own.person},${f.person}`,
  ),
  matching("match", "person_id", (f, own) => `person_id=${f.person}&list_id=${own.descriptors}`),
  matching("match", "descriptor_id", (f, own) => `descriptor_id=${f.descriptor}&list_id=${own.descriptors}`),
  matching("match", "list_id", (f, own) => `descriptor_id=${own.descriptor}&list_id=${f.descriptors}`),
  matching("match", "list_id", (f, own) => `descriptor_id=${own.descriptor}&list_id=${f.persons}`),
  matching("match", "descriptor_ids", (f, own) => `person_id=${own.person}&descriptor_ids=${f.descriptor}`),
  face(`POST ${MATCHING}/search`, "list_id", (f) => `${MATCHING}/search?list_id=${f.persons}`),
  face(`POST ${MATCHING}/search`, "list_id", (f) => `${MATCHING}/search?list_id=${f.descriptors}`),
  face(`POST ${MATCHING}/search`, "person_ids", (f, own) => `${MATCHING}/search?person_ids=${own.person},${f.person}`),
  face(`POST ${MATCHING}/search`, "descriptor_ids", (f) => `${MATCHING}/search?descriptor_ids=${f.descriptor}`),
  face(`POST ${HANDLERS}/verify`, "person_id", (f) => `${HANDLERS}/verify?person_id=${f.person}`),
  ...["extractor", "identify"].flatMap((handler) => [
    naming(
      `PATCH ${HANDLERS}/${handler}`,
      "body",
      () => `${HANDLERS}/${handler}`,
      (f) => ({ list_id: f.persons }),
    ),
    naming(
      `PATCH ${HANDLERS}/${handler}`,
      "body",
      () => `${HANDLERS}/${handler}`,
      (f) => ({ list_id: f.descriptors }),
    ),
  ]),
];

function tokenNote(method: string): Naming["body"] {
  return method === "PATCH" ? () => ({ token_data: "x" }) : undefined;
}

function matching(operation: string, names: string, query: Naming["path"]): Naming {
  return naming(`POST ${MATCHING}/${operation}`, names, (f, own) => `${MATCHING}/${operation}?${query(f, own)}`);
}

function linker(body: NonNullable<Naming["body"]>): Naming {
  return naming("PATCH /4/storage/linker", "body", () => "/4/storage/linker", body);
}

let server: LunaServer;
let owner: LunaAccount;
let caller: LunaAccount;
let theirs: Things;
let own: Things;
beforeAll(async () => {
  server = await startLuna({ shipped: false });
  [owner, caller] = await Promise.all([server.newAccount(), server.newAccount()]);
  [theirs, own] = await Promise.all([thingsOf(owner), thingsOf(caller)]);
});
afterAll(() => server.stop());

async function thingsOf({ client, basic }: LunaAccount): Promise<Things> {
  const things: Things = {
    token: (await basic.get("/4/account/tokens")).body.tokens[0].id,
    person: await newPerson(client, { user_data: "somebody" }),
    descriptor: await newDescriptor(client),
    persons: await newList(client, "persons"),
    descriptors: await newList(client, "descriptors"),
  };
  const { person, descriptor, persons, descriptors } = things;
  for (const path of [
    `${PERSONS}/${person}/linked_descriptors?do=attach&descriptor_id=${descriptor}`,
    `${PERSONS}/${person}/linked_lists?do=attach&list_id=${persons}`,
    `${DESCRIPTORS}/${descriptor}/linked_lists?do=attach&list_id=${descriptors}`,
  ])
    expect((await client.call("PATCH", path)).status).toBe(204);
  return things;
}

/** Everything an account can see of itself. */
async function everything({ client, basic }: LunaAccount, { token, persons, descriptors }: Things): Promise<string> {
  const answers = [
    await basic.get(TOKENS),
    await basic.get(`${TOKENS}/${token}`),
    ...(await Promise.all(
      [PERSONS, DESCRIPTORS, LISTS, `${LISTS}/${persons}`, `${LISTS}/${descriptors}`].map((path) => client.get(path)),
    )),
  ];
  return JSON.stringify(answers.map(({ status, body }) => [status, body]));
}

describe("Ids of another account", () => {
  test("are as if they did not exist, wherever they are named, and nothing is done to what they name", async () => {
    await Promise.all(["extractor", "identify"].map((handler) => owner.client.get(`${HANDLERS}/${handler}`)));
    const before = await everything(owner, theirs);
    const never = neverWere();
    for (const { operation, names, path, body, type } of NAMINGS) {
      const client = operation.includes(TOKENS) ? caller.basic : caller.client;
      const [method = ""] = operation.split(" ");
      const ask = async (named: Things) => {
        const answer = await client.call(method, path(named, own), {
          body: body?.(named, own),
          ...(type !== undefined && { type }),
        });
        return [operation, names, answer.status, hidden(JSON.stringify(answer.body) ?? "", named)];
      };
      const unknown = await ask(never);
      expect(await ask(theirs)).toEqual(unknown);
      expect(await ask(upper(theirs))).toEqual(unknown);
      // Those that delete many pass over what is not there.
      const refusals = operation.startsWith("DELETE") && names === "body" ? [204] : [400, 404];
      expect([operation, names, refusals.includes(Number(unknown[2]))]).toEqual([operation, names, true]);
    }
    expect(await everything(owner, theirs)).toBe(before);
  });

  test("have been tried in every path and query that the description has them in", () => {
    const tried = new Set(NAMINGS.map(({ operation, names }) => `${operation}: ${names}`));
    const named = DESCRIBED_OPERATIONS.filter(({ method }) => method !== "OPTIONS").flatMap((operation) =>
      idsOf(operation).map((id) => `${operation.name}: ${id}`),
    );
    expect(named.length).toBeGreaterThan(25);
    expect(named.filter((each) => !tried.has(each))).toEqual([]);
  });
});

function neverWere(): Things {
  const id = () => crypto.randomUUID();
  return { token: id(), person: id(), descriptor: id(), persons: id(), descriptors: id() };
}

function upper(things: Things): Things {
  return Object.fromEntries(Object.entries(things).map(([name, id]) => [name, id.toUpperCase()])) as unknown as Things;
}

/** The text without the ids, in which answers may differ. */
function hidden(text: string, things: Things): string {
  return Object.entries(things).reduce(
    (rest, [name, id]) => rest.replaceAll(id, `<${name}>`).replaceAll(id.toLowerCase(), `<${name}>`),
    text,
  );
}
