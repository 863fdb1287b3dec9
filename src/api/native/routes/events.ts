/** `GET /v1/events`: a WebSocket with what happens, or a page of what happened. */
import { Elysia } from "elysia";
import { nativeView } from "../../../events/view.ts";
import { exchangeOf } from "../../exchange.ts";
import { readQuery } from "../../query.ts";
import { asksForWebSocket, checkHandshake, upgradeTo } from "../../websocket.ts";
import type { NativeContext } from "../context.ts";
import { EVENTS_DOC } from "../docs/events.ts";
import { DEFAULT_LIMIT, eventFilter, PAGE_PARAMETERS, SUBSCRIBE_PARAMETERS } from "../event-options.ts";
import { eventSocket } from "../event-socket.ts";

/** Subscribes and pages. Everything that can be refused is refused before the upgrade. */
export function eventRoutes({ events }: NativeContext) {
  return new Elysia().get(
    "/v1/events",
    async ({ request }) => (asksForWebSocket(request) ? subscribe(request, events) : page(request, events)),
    { detail: EVENTS_DOC },
  );
}

async function subscribe(request: Request, { feed, pingMs }: NativeContext["events"]): Promise<Response> {
  checkHandshake(request);
  const { cursor, ...filter } = readQuery(request, SUBSCRIBE_PARAMETERS);
  const subscriber = await feed.subscribe({
    view: nativeView(eventFilter(filter)),
    ...(cursor === undefined ? {} : { cursor }),
  });
  return upgradeTo(
    request,
    eventSocket(subscriber, pingMs, () => feed.settled()),
  );
}

async function page(request: Request, { feed }: NativeContext["events"]): Promise<Response> {
  const { cursor, limit = DEFAULT_LIMIT, order = "asc", ...filter } = readQuery(request, PAGE_PARAMETERS);
  const { events, ...rest } = await feed.page({
    filter: eventFilter(filter),
    limit,
    order,
    ...(cursor === undefined ? {} : { cursor }),
  });
  const tail = JSON.stringify({ ...rest, request: exchangeOf(request).id }).slice(1);
  return new Response(`{"events":[${events.join(",")}],${tail}`, {
    headers: { "content-type": "application/json;charset=utf-8" },
  });
}
