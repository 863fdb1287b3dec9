/** Many members of a list at once. */
import { Type } from "@sinclair/typebox";
import type { LunaContext } from "../context.ts";
import { badJson } from "../errors.ts";
import { closed, readJson, Uuid } from "../json-body.ts";
import { ACTIONS, linkMembers } from "../membership.ts";
import type { LunaOperation } from "../operation.ts";

const Link = closed({
  action: Type.Unsafe<(typeof ACTIONS)[number]>(
    Type.Union(
      ACTIONS.map((action) => Type.Literal(action)),
      { expects: ACTIONS.join(" or ") },
    ),
  ),
  list_id: Uuid,
  person_ids: Type.Optional(Type.Array(Uuid)),
  descriptor_ids: Type.Optional(Type.Array(Uuid)),
});

export function linkerOperations(context: LunaContext): readonly LunaOperation[] {
  return [
    {
      method: "PATCH",
      path: "/4/storage/linker",
      access: "account",
      async handle(call) {
        const { action, list_id, person_ids, descriptor_ids } = await readJson(context.settings, call, Link);
        const ids = person_ids ?? descriptor_ids;
        if (ids === undefined || (person_ids && descriptor_ids)) {
          throw badJson("", "must be valid exactly by one of oneOf definition: person_ids or descriptor_ids");
        }
        const members = [...new Set(ids.map((id) => id.toLowerCase()))];
        const type = person_ids ? "persons" : "descriptors";
        return linkMembers(context, call, { action, list: list_id.toLowerCase(), type, members });
      },
    },
  ];
}
