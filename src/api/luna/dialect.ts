/** The LUNA dialect for a gateway: finds the operation, asks who calls, keeps the time, tells failures in its words. */
import { Elysia } from "elysia";
import { FacewireError } from "../../errors.ts";
import { type Exchange, exchangeOf } from "../exchange.ts";
import type { Dialect } from "../gateway.ts";
import { type Address, shapesOf } from "./addresses.ts";
import type { Authenticator } from "./auth/authenticator.ts";
import { optionsAnswer } from "./cors.ts";
import { lunaErrorAnswer } from "./error-answer.ts";
import { LunaError } from "./errors.ts";
import type { LunaCall, LunaOperation } from "./operation.ts";
import { UUID4 } from "./uuid.ts";

const ANY_UUID4 = new RegExp(UUID4, "g");

/** What the dialect is made of. */
export interface LunaDialectParts {
  readonly operations: readonly LunaOperation[];
  readonly authenticator: Authenticator;
  /** Milliseconds a request may take. */
  readonly timeoutMs: number;
}

/** See the file's head. */
export function lunaDialect({ operations, authenticator, timeoutMs }: LunaDialectParts): Dialect {
  const app = new Elysia({ name: "luna", handler: { standardHostname: false } }).onError(({ code, error, request }) => {
    const exchange = exchangeOf(request);
    exchange.error = code === "NOT_FOUND" ? notFound() : FacewireError.from(error);
    return lunaErrorAnswer(exchange.error, exchange);
  });
  for (const { path, addresses } of shapesOf(operations)) {
    // The methods are looked at here: the router's own answer to a wrong one would be 404.
    app.all(path, ({ request }) => serve(request, addresses), { parse: "none" });
  }
  return {
    answer: lunaErrorAnswer,
    async handle(request) {
      const exchange = exchangeOf(request);
      // A token may stand where its id does: until it is known what an id is of, none is shown.
      exchange.shownPath = exchange.path.replaceAll(ANY_UUID4, "(hidden)");
      checkEscapes(exchange.path);
      return app.handle(request);
    },
  };

  async function serve(request: Request, addresses: readonly Address[]): Promise<Response> {
    const exchange = exchangeOf(request);
    for (const address of addresses) {
      const params = address.match(exchange.path);
      if (!params) continue;
      exchange.route = address.template;
      if (params.token_id === undefined) exchange.shownPath = exchange.path;
      if (request.method === "OPTIONS") return optionsAnswer(address.template, address.methods);
      // The server sends the headers alone to HEAD, with the length that the body has.
      const operation = address.operation(request.method === "HEAD" ? "GET" : request.method);
      if (!operation) throw methodNotAllowed(address);
      return answered(operation, request, exchange, params);
    }
    throw notFound();
  }

  async function answered(
    operation: LunaOperation,
    request: Request,
    exchange: Exchange,
    params: LunaCall["params"],
  ): Promise<Response> {
    const late = new AbortController();
    const call: LunaCall = {
      request,
      exchange,
      url: new URL(request.url),
      params,
      deadline: Date.now() + timeoutMs,
      signal: AbortSignal.any([request.signal, late.signal]),
    };
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new LunaError(9, "Request timeout");
      timeout.reject(error);
      late.abort(error);
    }, timeoutMs);
    try {
      return await Promise.race([perform(operation, call), timeout.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async function perform(operation: LunaOperation, call: LunaCall): Promise<Response> {
    if (operation.access === "open") return operation.handle(call);
    operation.admit?.();
    const caller = await authenticator.caller(call, operation.access);
    call.exchange.token = caller.account;
    return operation.handle({ ...call, caller });
  }
}

/** An address the router cannot decode is no request that can be read. */
function checkEscapes(path: string): void {
  try {
    decodeURIComponent(path);
  } catch (cause) {
    throw new LunaError(12046, "The address holds a broken percent escape", { cause });
  }
}

function notFound(): LunaError {
  return new LunaError(12013, "Page not found");
}

function methodNotAllowed({ methods }: Address): LunaError {
  return new LunaError(12021, "Method not allowed", { details: { allow: methods.join(", ") } });
}
