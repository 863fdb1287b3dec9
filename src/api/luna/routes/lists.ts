/** Lists of persons and of descriptors. */
import { type Static, Type } from "@sinclair/typebox";
import type { ListRecord, ListType } from "../../../store/gallery/records.ts";
import type { LunaContext } from "../context.ts";
import { listNotFound } from "../errors.ts";
import { closed, readJson, text, Uuid } from "../json-body.ts";
import { type AccountCall, json, type LunaOperation, noContent } from "../operation.ts";
import { readPage, readWord } from "../query.ts";
import { listView, memberView, personView } from "../views.ts";

const ListData = text({ most: 128 });
const NewList = closed({ list_data: Type.Optional(ListData) });
const ChangedList = closed({ list_data: ListData });
const DeletedLists = closed({ lists: Type.Array(Uuid) });
const TYPES = ["persons", "descriptors"] as const satisfies readonly ListType[];

export function listsOperations(context: LunaContext): readonly LunaOperation[] {
  const { settings, store } = context;
  const pageOf = (call: AccountCall) => readPage(call.url.searchParams, settings.luna.page_size);
  const idOf = (call: AccountCall) => call.params.list_id as string;

  return [
    {
      method: "GET",
      path: "/4/storage/lists",
      access: "account",
      async handle(call) {
        const page = pageOf(call);
        const { account } = call.caller;
        const [persons, descriptors] = await Promise.all(TYPES.map((type) => store.lists.page(account, type, page)));
        return json({
          lists: { person_lists: persons!.items.map(listView), descriptor_lists: descriptors!.items.map(listView) },
          persons_list_count: persons!.count,
          descriptors_list_count: descriptors!.count,
        });
      },
    },
    {
      method: "POST",
      path: "/4/storage/lists",
      access: "account",
      async handle(call) {
        const type = readWord(call.url.searchParams, "type", TYPES) ?? "persons";
        const body: Static<typeof NewList> = await readJson(settings, call, NewList);
        return json({ list_id: await store.lists.create(call.caller.account, type, body.list_data ?? "") }, 201);
      },
    },
    {
      method: "DELETE",
      path: "/4/storage/lists",
      access: "account",
      async handle(call) {
        const { lists } = await readJson(settings, call, DeletedLists);
        await store.lists.remove(call.caller.account, [...new Set(lists.map((id) => id.toLowerCase()))]);
        return noContent();
      },
    },
    {
      method: "GET",
      path: "/4/storage/lists/:list_id",
      access: "account",
      async handle(call) {
        const page = pageOf(call);
        const list = await store.lists.get(call.caller.account, idOf(call));
        if (!list) throw listNotFound(idOf(call), 404);
        return json({ ...(await members(call, list, page)), list_data: list.data });
      },
    },
    {
      method: "PATCH",
      path: "/4/storage/lists/:list_id",
      access: "account",
      async handle(call) {
        const { list_data } = await readJson(settings, call, ChangedList);
        const known = await store.lists.update(call.caller.account, idOf(call), list_data);
        if (!known) throw listNotFound(idOf(call), 404);
        return noContent();
      },
    },
    {
      method: "DELETE",
      path: "/4/storage/lists/:list_id",
      access: "account",
      async handle(call) {
        const removed = await store.lists.remove(call.caller.account, [idOf(call)]);
        if (removed.length === 0) throw listNotFound(idOf(call), 404);
        return noContent();
      },
    },
  ];

  async function members(
    { caller: { account } }: AccountCall,
    { id, type }: ListRecord,
    page: ReturnType<typeof pageOf>,
  ) {
    if (type === "persons") {
      const { items, count } = await store.lists.persons(account, id, page);
      return { persons: items.map(personView), count };
    }
    const { items, count } = await store.lists.descriptors(account, id, page);
    return { descriptors: items.map(memberView), count };
  }
}
