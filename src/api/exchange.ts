/** What is known of one HTTP request while it is answered: its id, its route, who sent it, what went wrong. */
import type { FacewireError } from "../errors.ts";
import type { BodyShare } from "./body.ts";
import type { SocketHandler } from "./websocket.ts";

/** Route of requests that met no address of the API. */
const UNMATCHED_ROUTE = "unmatched";

/** One request on its way to its answer. */
export interface Exchange {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** What logs show of the path, where it holds what is nobody's business; the path itself when absent. */
  shownPath?: string;
  /** Address of the other end, where there is one. */
  readonly peer?: string;
  /** `performance.now()` at its arrival. */
  readonly startedAt: number;
  /** What it holds of the memory for bodies; given back when it is answered. */
  readonly body: BodyShare;
  /** The pattern of the address, such as `/v1/pipelines/:name`; {@link UNMATCHED_ROUTE} until it is known. */
  route: string;
  pipeline?: string;
  /** Name of the token it came with. */
  token?: string;
  /** The failure it was answered with. */
  error?: FacewireError;
  /** Who speaks on the WebSocket that the answer becomes. */
  upgrade?: SocketHandler;
}

const exchanges = new WeakMap<Request, Exchange>();

/** Begins the record of a request. */
export function beginExchange(request: Request, id: string, body: BodyShare, peer?: string): Exchange {
  const exchange: Exchange = {
    id,
    method: request.method,
    path: new URL(request.url).pathname,
    startedAt: performance.now(),
    body,
    ...(peer === undefined ? {} : { peer }),
    route: UNMATCHED_ROUTE,
  };
  exchanges.set(request, exchange);
  return exchange;
}

/** The record of a request that is being answered. */
export function exchangeOf(request: Request): Exchange {
  const exchange = exchanges.get(request);
  if (!exchange) throw new TypeError("The request did not come through a gateway.");
  return exchange;
}
