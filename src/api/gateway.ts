/**
 * What every listener does around its dialect: request id, access, safe headers, one log line and the counters of each
 * request. The dialect in the middle (an Elysia app) sees only requests that may pass.
 */
import { FacewireError } from "../errors.ts";
import type { HttpWatcher } from "../observe/reports.ts";
import type { AccessGuard, Requirement } from "./access.ts";
import type { BodyBudget } from "./body.ts";
import { beginExchange, type Exchange } from "./exchange.ts";
import { REQUEST_ID_HEADER } from "./request-id.ts";

/** The dialect behind a gateway. */
export interface Dialect {
  /** Pattern of the address, such as `/v1/pipelines/:name`, for logs and metrics; undefined where nothing is there. */
  route(method: string, path: string): string | undefined;
  /** What the address asks of its caller. */
  requirement(method: string, path: string): Requirement;
  /** Answers a request that may pass. */
  handle(request: Request): Promise<Response>;
  /** The answer for a failure, in the dialect's own words. */
  answer(error: FacewireError, exchange: Exchange): Response;
}

/** What a gateway is made of. */
export interface GatewayParts {
  readonly dialect: Dialect;
  readonly guard: AccessGuard;
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

/** The way of a request through a listener; never rejects. */
export function createGateway(parts: GatewayParts): (request: Request, peer?: string) => Promise<Response> {
  const { dialect, guard, budget, watcher } = parts;
  return async (request, peer) => {
    const exchange = beginExchange(request, budget.share());
    watcher.started();
    // Known before access is checked, so that who is turned away is counted at the right address.
    exchange.route = dialect.route(exchange.method, exchange.path) ?? exchange.route;
    let response: Response;
    try {
      const caller = await guard.check(request, dialect.requirement(exchange.method, exchange.path));
      if (caller.kind === "token") exchange.token = caller.name;
      response = await dialect.handle(request);
    } catch (thrown) {
      exchange.error = FacewireError.from(thrown);
      response = dialect.answer(exchange.error, exchange);
    } finally {
      exchange.body.release();
    }
    for (const [name, value] of Object.entries(SAFE_HEADERS)) response.headers.set(name, value);
    if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
    response.headers.set(REQUEST_ID_HEADER, exchange.id);
    watcher.finished(exchange, response.status, performance.now() - exchange.startedAt, peer);
    return response;
  };
}
