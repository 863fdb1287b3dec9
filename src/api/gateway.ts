/**
 * What every listener does around its dialect: request id, access, safe headers, one log line and the counters of each
 * request. The dialect in the middle (an Elysia app) sees only requests that may pass.
 */
import { FacewireError } from "../errors.ts";
import type { HttpWatcher } from "../observe/reports.ts";
import type { BodyBudget } from "./body.ts";
import { beginExchange, type Exchange } from "./exchange.ts";
import type { TrustedProxies } from "./proxies.ts";
import type { RequestIds } from "./request-id.ts";

/** The dialect behind a gateway. */
export interface Dialect {
  /**
   * Pattern of the address, such as `/v1/pipelines/:name`, for logs and metrics; undefined where nothing is there. Without it
   * {@link handle} notes the route.
   */
  route?(method: string, path: string): string | undefined;
  /** Checks who calls, and throws where it is nobody who may; not there where {@link handle} does that itself. */
  admit?(request: Request, exchange: Exchange): Promise<void>;
  /** Answers a request that may pass. */
  handle(request: Request): Promise<Response>;
  /** The answer for a failure, in the dialect's own words. */
  answer(error: FacewireError, exchange: Exchange): Response;
}

/** What a gateway is made of. */
export interface GatewayParts {
  readonly dialect: Dialect;
  readonly requestIds: RequestIds;
  /** Headers of every answer beside the safe ones, or in their place. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whose word on who sent a request is taken. */
  readonly proxies: TrustedProxies;
  readonly budget: BodyBudget;
  /** Is told of every request; must not throw. */
  readonly watcher: HttpWatcher;
}

/** Headers of every answer: nothing is guessed by browsers, framed by other pages or kept by caches (faces are private). */
const SAFE_HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** The way of a request through a listener; never rejects. `connected`: address of the other end. */
export function createGateway(parts: GatewayParts): (request: Request, connected?: string) => Promise<Response> {
  const { dialect, requestIds, budget, watcher } = parts;
  const headers = Object.entries({ ...SAFE_HEADERS, ...parts.headers });
  return async (request, connected) => {
    const peer = parts.proxies.senderOf(request, connected);
    const exchange = beginExchange(request, requestIds.idOf(request.headers), budget.share(), peer);
    watcher.started();
    // Known before access is checked, so that who is turned away is counted at the right address.
    exchange.route = dialect.route?.(exchange.method, exchange.path) ?? exchange.route;
    let response: Response;
    try {
      await dialect.admit?.(request, exchange);
      response = await dialect.handle(request);
    } catch (thrown) {
      exchange.error = FacewireError.from(thrown);
      response = dialect.answer(exchange.error, exchange);
    } finally {
      exchange.body.release();
    }
    for (const [name, value] of headers) response.headers.set(name, value);
    if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
    response.headers.set(requestIds.header, exchange.id);
    watcher.finished(exchange, response.status, performance.now() - exchange.startedAt, peer);
    return response;
  };
}
