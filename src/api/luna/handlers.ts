/** The handlers of an account: made when they are first asked for, changed by their owner. */
import type { HandlerRecord } from "../../store/gallery/records.ts";
import type { LunaContext } from "./context.ts";
import { LunaError } from "./errors.ts";
import type { AccountCall } from "./operation.ts";
import { DEFAULTS, type HandlerType, type Policies } from "./policies.ts";

/** A handler with policies of its type. */
export interface Handler<T extends HandlerType> extends HandlerRecord {
  readonly policies: Policies<T>;
}

/** Throws 11071 where handlers are off. */
export function admitHandlers({ settings }: Pick<LunaContext, "settings">): void {
  if (!settings.luna.handlers) throw new LunaError(11071, "Luna Handlers service is disabled");
}

/**
 * The account's handler of a type, made with the defaults where there is none. The extractor is made with a list of persons of
 * its own; the identifying handler begins with the extractor's list, so that who is enrolled by the one is found by the other.
 * An account that never asks for a handler gets no list.
 */
export async function handlerOf<T extends HandlerType>(
  context: LunaContext,
  call: AccountCall,
  type: T,
): Promise<Handler<T>> {
  const { account } = call.caller;
  const { handlers } = context.store;
  const { settings } = context;
  const record = async (): Promise<HandlerRecord> => {
    if (type === "extractor") return withOwnList(context, account);
    if (type === "verify") return handlers.ensure(account, type, () => DEFAULTS.verify(settings));
    return handlers.ensure(account, type, async () => {
      const { list_id } = (await handlerOf(context, call, "extractor")).policies;
      return DEFAULTS.identify(list_id, settings);
    });
  };
  return (await record()) as Handler<T>;
}

async function withOwnList(context: LunaContext, account: string): Promise<HandlerRecord> {
  const { handlers, lists } = context.store;
  let made: string | undefined;
  const handler = await handlers.ensure(account, "extractor", async () => {
    made = await lists.create(account, "persons", "");
    return DEFAULTS.extractor(made);
  });
  // Somebody else was quicker: their list is the account's, this one is nobody's.
  if (made !== undefined && handler.policies.list_id !== made) await lists.remove(account, [made]);
  return handler;
}
