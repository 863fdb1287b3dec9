/** Handlers: pictures are enrolled, identified and verified by rules that the account has set. */

import type { NewDescriptor } from "../../../store/gallery/records.ts";
import type { LunaContext } from "../context.ts";
import { LunaError, listNotFound } from "../errors.ts";
import { type ExtractedFace, extract, type LunaFace, readSentBody } from "../extraction.ts";
import { admitHandlers, type Handler, handlerOf } from "../handlers.ts";
import { readJson } from "../json-body.ts";
import { checkAwaited, storeExtraction } from "../keeping.ts";
import { extractProbe, findMatches, listTarget, personTarget } from "../matching.ts";
import { type AccountCall, type AccountOperation, json, type LunaOperation } from "../operation.ts";
import { CHANGES, HANDLER_TYPES, type HandlerType, LIST_TYPE, wishOf } from "../policies.ts";
import { readFlag, readText, readUuid, required } from "../query.ts";
import { timeText } from "../views.ts";

/** What came of the best face of a picture. */
interface BestFace {
  readonly best: ExtractedFace;
  readonly keep: NewDescriptor;
  /** Members `face` and, where asked for, `exif` of the answer. */
  readonly shown: { readonly face: LunaFace; readonly exif?: Readonly<Record<string, unknown>> };
}

export function handlersOperations(context: LunaContext): readonly LunaOperation[] {
  const admit = () => admitHandlers(context);
  const operation = (
    method: AccountOperation["method"],
    type: HandlerType,
    handle: AccountOperation["handle"],
  ): AccountOperation => ({ method, path: `/4/handlers/${type}`, access: "account", admit, handle });
  return [
    ...HANDLER_TYPES.flatMap((type) => [
      operation("GET", type, async (call) => json(handlerJson(await handlerOf(context, call, type)))),
      operation("PATCH", type, (call) => change(context, call, type)),
    ]),
    operation("POST", "extractor", (call) => enrol(context, call)),
    operation("POST", "identify", (call) => identify(context, call)),
    operation("POST", "verify", (call) => verify(context, call)),
  ];
}

async function change(context: LunaContext, call: AccountCall, type: HandlerType): Promise<Response> {
  const sent = await readJson(context.settings, call, CHANGES[type]);
  const list = "list_id" in sent ? sent.list_id?.toLowerCase() : undefined;
  if (list !== undefined) await listTarget(context, call, list, LIST_TYPE[type]);
  const { account } = call.caller;
  await handlerOf(context, call, type);
  const changed = await context.store.handlers.change(account, type, {
    ...sent,
    ...(list === undefined ? {} : { list_id: list }),
  });
  if (changed === undefined) throw new Error(`The ${type} handler is gone.`);
  return json({ version: changed.version });
}

/** A new person of a picture, with its descriptor, on the handler's list: all or nothing. */
async function enrol(context: LunaContext, call: AccountCall): Promise<Response> {
  const query = call.url.searchParams;
  const person = {
    id: crypto.randomUUID() as string,
    userData: readText(query, "user_data", 128) ?? "",
    externalId: readText(query, "external_id", 36) ?? "",
  };
  const warped = readPictureFlags(query);
  const handler = await handlerOf(context, call, "extractor");
  const list = handler.policies.list_id;
  await listTarget(context, call, list, "persons");
  const { keep, shown } = await bestFace(context, call, handler, { warped, extracting: extract });
  checkAwaited(call);
  const enrolled = await context.store.descriptors.create(call.caller.account, [keep], { person, list });
  if (!enrolled) throw listNotFound(list, 400);
  return json({ person_id: person.id, ...shown }, 201);
}

async function identify(context: LunaContext, call: AccountCall): Promise<Response> {
  const warped = readPictureFlags(call.url.searchParams);
  const handler = await handlerOf(context, call, "identify");
  const { list_id, limit, identify_threshold } = handler.policies;
  const target = await listTarget(context, call, list_id);
  const { best, keep, shown } = await bestFace(context, call, handler, { warped, extracting: extractProbe });
  const candidates = await findMatches(context, call, [keep], target, { limit, atLeast: identify_threshold });
  await storeExtraction(context, call, [best]);
  return json({ candidates, ...shown }, 201);
}

async function verify(context: LunaContext, call: AccountCall): Promise<Response> {
  const query = call.url.searchParams;
  const person = required(readUuid(query, "person_id"), "person_id");
  const warped = readPictureFlags(query);
  const handler = await handlerOf(context, call, "verify");
  const target = await personTarget(context, call, person);
  const { best, keep, shown } = await bestFace(context, call, handler, { warped, extracting: extractProbe });
  const candidates = await findMatches(context, call, [keep], target, { limit: 1 });
  await storeExtraction(context, call, [best]);
  const nearest = candidates[0];
  const status = nearest !== undefined && nearest.similarity >= handler.policies.verify_threshold;
  return json({ status, candidates, ...shown }, 201);
}

/** Whether the body is a warp. `no_cache` is read for its form alone: nothing of a handler is cached. */
function readPictureFlags(query: URLSearchParams): boolean {
  readFlag(query, "no_cache");
  return readFlag(query, "warped_image") ?? false;
}

/** The face with the best score of the body; of several the others are passed over and not kept. */
async function bestFace(
  context: LunaContext,
  call: AccountCall,
  handler: Handler<HandlerType>,
  { warped, extracting }: { readonly warped: boolean; readonly extracting: typeof extract },
): Promise<BestFace> {
  const body = await readSentBody(context, call);
  const { faces, exif } = await extracting(context, call, body, wishOf(handler.policies, warped));
  const best: ExtractedFace | undefined = faces[0];
  if (best?.keep === undefined) throw new LunaError(4003, "No faces found.");
  return { best, keep: best.keep, shown: { face: best.face, ...(exif === undefined ? {} : { exif }) } };
}

function handlerJson({ id, type, policies, version, createdAt, updatedAt }: Handler<HandlerType>) {
  return {
    handler_id: id,
    create_time: timeText(createdAt),
    last_update_time: timeText(updatedAt),
    policies,
    type,
    version,
  };
}
