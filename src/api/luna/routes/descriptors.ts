/** Descriptors: made of pictures or uploaded, read, put on lists. */
import { writeSdkVector, writeXpkVector } from "../../../gallery/formats/vectors.ts";
import type { LunaContext } from "../context.ts";
import { descriptorNotFound, LunaError } from "../errors.ts";
import { extract, readSentBody } from "../extraction.ts";
import { readExtractionWish } from "../extraction-parameters.ts";
import { admitHandlers } from "../handlers.ts";
import { storeExtraction } from "../keeping.ts";
import { patchLinkedLists } from "../membership.ts";
import { type AccountCall, json, type LunaOperation } from "../operation.ts";
import { readPage } from "../query.ts";
import { SDK_TYPE, XPK_TYPE } from "../sent-body.ts";
import { tell } from "../tell.ts";
import { descriptorView } from "../views.ts";

export function descriptorsOperations(context: LunaContext): readonly LunaOperation[] {
  const { models, settings, store } = context;
  const idOf = (call: AccountCall) => call.params.descriptor_id as string;

  async function descriptorOf(call: AccountCall) {
    const descriptor = await store.descriptors.get(call.caller.account, idOf(call));
    if (!descriptor) throw descriptorNotFound(idOf(call), 404);
    return descriptor;
  }

  return [
    {
      method: "GET",
      path: "/4/storage/descriptors",
      access: "account",
      async handle(call) {
        const page = readPage(call.url.searchParams, settings.luna.page_size);
        const { items, count } = await store.descriptors.page(call.caller.account, page);
        return json({ descriptors: items.map(descriptorView), count });
      },
    },
    {
      method: "POST",
      path: "/4/storage/descriptors",
      access: "account",
      admit: () => admitHandlers(context),
      async handle(call) {
        const wish = readExtractionWish(call);
        const { faces, exif } = await extract(context, call, await readSentBody(context, call), wish);
        await storeExtraction(context, call, faces);
        const result = { faces: faces.map(({ face }) => face), ...(exif && { exif }) };
        await tell(context, call, { source: "descriptors", result });
        return json(result, 201);
      },
    },
    {
      method: "GET",
      path: "/4/storage/descriptors/:descriptor_id",
      access: "account",
      async handle(call) {
        const type = fileType(call.request);
        return type === undefined ? json(descriptorView(await descriptorOf(call))) : file(call, type);
      },
    },
    {
      method: "GET",
      path: "/4/storage/descriptors/:descriptor_id/linked_lists",
      access: "account",
      async handle(call) {
        return json({ lists: (await descriptorOf(call)).lists });
      },
    },
    {
      method: "PATCH",
      path: "/4/storage/descriptors/:descriptor_id/linked_lists",
      access: "account",
      async handle(call) {
        return patchLinkedLists(context, call, "descriptors", idOf(call));
      },
    },
  ];

  /** The descriptor's numbers; not part of the API as it is described, so only who asks for the type gets it. */
  async function file(call: AccountCall, type: typeof SDK_TYPE | typeof XPK_TYPE): Promise<Response> {
    const id = idOf(call);
    const vector = (await store.descriptors.vectors(call.caller.account, [id])).get(id);
    if (!vector) throw descriptorNotFound(id, 404);
    const bytes = type === SDK_TYPE ? writeSdkVector(models, vector) : writeXpkVector(models, vector);
    // Made with a model that was taken away since.
    if (!bytes) throw new LunaError(34001, `Descriptor version ${vector.version} of ${vector.model} is not supported`);
    return new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { "content-type": type, vary: "Accept" } });
  }
}

/** The first of the two file types that the request accepts by name. */
function fileType(request: Request) {
  const accepted = (request.headers.get("accept") ?? "").split(",").map((part) => part.split(";", 1)[0]!.trim());
  return ([SDK_TYPE, XPK_TYPE] as const).find((type) => accepted.includes(type));
}
