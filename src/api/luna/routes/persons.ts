/** Persons, and what they are linked with. */
import { type Static, Type } from "@sinclair/typebox";
import type { AttachOutcome, DetachOutcome } from "../../../store/gallery/links.ts";
import type { LunaContext } from "../context.ts";
import { descriptorNotFound, LunaError, personNotFound } from "../errors.ts";
import { closed, mediaType, readJson, text } from "../json-body.ts";
import { patchLinkedLists, readAction } from "../membership.ts";
import { type AccountCall, json, type LunaOperation, noContent } from "../operation.ts";
import { readPage, readText, readUuid, required } from "../query.ts";
import { personView } from "../views.ts";

const MOST_USER_DATA = 128;
const MOST_EXTERNAL_ID = 36;
const TEXTS = {
  user_data: Type.Optional(text({ most: MOST_USER_DATA })),
  external_id: Type.Optional(text({ most: MOST_EXTERNAL_ID })),
};
const NewPerson = closed(TEXTS);
const ChangedPerson = Type.Object(TEXTS, {
  additionalProperties: false,
  minProperties: 1,
  expects: "an object with user_data or external_id",
});

export function personsOperations(context: LunaContext): readonly LunaOperation[] {
  const { settings, store } = context;
  const idOf = (call: AccountCall) => call.params.person_id as string;

  async function personOf(call: AccountCall) {
    const person = await store.persons.get(call.caller.account, idOf(call));
    if (!person) throw personNotFound(idOf(call), 404);
    return person;
  }

  return [
    {
      method: "GET",
      path: "/4/storage/persons",
      access: "account",
      async handle(call) {
        const query = call.url.searchParams;
        const userData = readText(query, "user_data", MOST_USER_DATA);
        const externalId = readText(query, "external_id", MOST_EXTERNAL_ID);
        const page = readPage(query, settings.luna.page_size);
        const filter = {
          ...(userData === undefined ? {} : { userData }),
          ...(externalId === undefined ? {} : { externalId }),
        };
        const { items, count } = await store.persons.page(call.caller.account, filter, page);
        return json({ persons: items.map(personView), count });
      },
    },
    {
      method: "POST",
      path: "/4/storage/persons",
      access: "account",
      async handle(call) {
        const { user_data = "", external_id = "" } = await readNewPerson(context, call);
        const id = crypto.randomUUID();
        await store.persons.create(call.caller.account, { id, userData: user_data, externalId: external_id });
        return json({ person_id: id }, 201);
      },
    },
    {
      method: "GET",
      path: "/4/storage/persons/:person_id",
      access: "account",
      async handle(call) {
        return json(personView(await personOf(call)));
      },
    },
    {
      method: "PATCH",
      path: "/4/storage/persons/:person_id",
      access: "account",
      async handle(call) {
        const { user_data, external_id } = await readJson(settings, call, ChangedPerson);
        const known = await store.persons.update(call.caller.account, idOf(call), {
          ...(user_data === undefined ? {} : { userData: user_data }),
          ...(external_id === undefined ? {} : { externalId: external_id }),
        });
        if (!known) throw personNotFound(idOf(call), 404);
        return noContent();
      },
    },
    {
      method: "DELETE",
      path: "/4/storage/persons/:person_id",
      access: "account",
      async handle(call) {
        const known = await store.persons.remove(call.caller.account, idOf(call));
        if (!known) throw personNotFound(idOf(call), 404);
        return noContent();
      },
    },
    {
      method: "GET",
      path: "/4/storage/persons/:person_id/linked_descriptors",
      access: "account",
      async handle(call) {
        return json({ descriptors: (await personOf(call)).descriptors });
      },
    },
    {
      method: "PATCH",
      path: "/4/storage/persons/:person_id/linked_descriptors",
      access: "account",
      async handle(call) {
        const query = call.url.searchParams;
        const descriptor = required(readUuid(query, "descriptor_id"), "descriptor_id");
        const action = readAction(query);
        const outcome = await store.links[action](call.caller.account, idOf(call), descriptor);
        throwLinkProblem(outcome, idOf(call), descriptor);
        return noContent();
      },
    },
    {
      method: "GET",
      path: "/4/storage/persons/:person_id/linked_lists",
      access: "account",
      async handle(call) {
        return json({ lists: (await personOf(call)).lists });
      },
    },
    {
      method: "PATCH",
      path: "/4/storage/persons/:person_id/linked_lists",
      access: "account",
      async handle(call) {
        return patchLinkedLists(context, call, "persons", idOf(call));
      },
    },
  ];
}

/** The body; without one the person is made with empty texts. */
async function readNewPerson({ settings }: LunaContext, call: AccountCall): Promise<Static<typeof NewPerson>> {
  const { request } = call;
  const empty = request.body === null || request.headers.get("content-length") === "0";
  if (empty && ["", "application/json"].includes(mediaType(request))) return {};
  return readJson(settings, call, NewPerson);
}

function throwLinkProblem(outcome: AttachOutcome | DetachOutcome, person: string, descriptor: string): void {
  switch (outcome) {
    case "attached":
    case "detached":
      return;
    case "person_unknown":
      throw personNotFound(person, 404);
    case "descriptor_unknown":
      throw descriptorNotFound(descriptor, 400);
    case "taken":
      throw new LunaError(22008, "This descriptor is already attached to the person.");
    case "not_attached":
      throw new LunaError(36004, "Face was not linked to the person.");
  }
}
