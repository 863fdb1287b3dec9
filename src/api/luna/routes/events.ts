/** `/4/ws` and the older `/api/subscribe`: an account's events on a WebSocket. All that can be refused is, before the upgrade. */
import { FacewireError } from "../../../errors.ts";
import { asksForWebSocket, checkHandshake, upgradeTo } from "../../websocket.ts";
import type { LunaContext } from "../context.ts";
import { LunaError } from "../errors.ts";
import { type LunaEventFilter, observedTokens, readEventFilter } from "../event-filter.ts";
import { lunaSocket } from "../event-socket.ts";
import { lunaView } from "../event-view.ts";
import { OpenSockets } from "../open-sockets.ts";
import type { AccountCall, AccountOperation, LunaOperation } from "../operation.ts";

/** Events that wait for one slow reader; the oldest go when more would. */
const MOST_WAITING = 1000;

/** See the file's head. */
export function eventsOperations(context: LunaContext): readonly LunaOperation[] {
  const { websocket, sockets: most, account_sockets: mostOfAccount } = context.settings.luna;
  const sockets = new OpenSockets({ store: context.store, revocations: context.revocations, most, mostOfAccount });
  const operation = {
    method: "GET",
    admit() {
      if (!websocket) throw new LunaError(36005, "WS subscription is disabled");
    },
    handle: (call: AccountCall) => subscribe(context, sockets, call),
  } as const satisfies Partial<AccountOperation>;
  return [
    { ...operation, path: "/4/ws", access: "account" },
    { ...operation, path: "/api/subscribe", access: "query" },
  ];
}

async function subscribe(context: LunaContext, sockets: OpenSockets, call: AccountCall): Promise<Response> {
  const { request, caller, url } = call;
  const filter = readEventFilter(url.searchParams);
  checkUpgrade(request);
  const place = sockets.take(caller);
  try {
    const cursor = url.searchParams.get("cursor");
    const observing = await withTokenIds(context, caller.account, filter);
    const subscriber = await context.events.feed.subscribe({
      view: lunaView(caller.account, observing, cursor !== null),
      outbox: { events: MOST_WAITING, overflow: "drop-oldest" },
      ...(cursor && { cursor }),
    });
    if (call.signal.aborted) {
      // The request was answered without this: nobody would ever close it.
      subscriber.closed();
      throw call.signal.reason;
    }
    const { feed } = context.events;
    const pingMs = context.settings.luna.ping;
    return upgradeTo(request, lunaSocket({ subscriber, place, pingMs, settled: () => feed.settled() }));
  } catch (error) {
    place.release();
    throw cursorProblem(error);
  }
}

/** Clients written for LUNA may know a token only by itself: its id is observed as well. */
async function withTokenIds(
  { store }: LunaContext,
  account: string,
  filter: LunaEventFilter,
): Promise<LunaEventFilter> {
  const given = observedTokens(filter);
  if (given.length === 0) return filter;
  const ids = await store.accountTokens.find(account, given);
  return { ...filter, observe: new Set([...(filter.observe ?? []), ...ids]) };
}

function checkUpgrade(request: Request): void {
  try {
    if (!asksForWebSocket(request)) throw new FacewireError("request_invalid", "This address is for WebSockets");
    checkHandshake(request);
  } catch (cause) {
    const { message } = FacewireError.from(cause);
    throw new LunaError(12046, message, { cause });
  }
}

/** A cursor that cannot be resumed from is a bad parameter; one that expired says from where it goes on. */
function cursorProblem(error: unknown): unknown {
  if (!(error instanceof FacewireError)) return error;
  const { code, details } = error;
  if (code === "cursor_expired") {
    const detail = `Bad query parameters 'cursor'. Events behind it were deleted; what is kept begins behind '${details?.oldest}'`;
    return new LunaError(12012, detail, { status: 410, cause: error });
  }
  if (code === "request_invalid" && details?.parameter === "cursor") {
    return new LunaError(12012, "Bad query parameters 'cursor'", { cause: error });
  }
  return error;
}
