/** The LUNA Backport 3 API on a port of its own. */
import { FacewireError } from "../../errors.ts";
import type { HttpWatcher } from "../../observe/reports.ts";
import { BodyBudget } from "../body.ts";
import { createGateway } from "../gateway.ts";
import { Listener } from "../listener.ts";
import { TrustedProxies } from "../proxies.ts";
import { Authenticator } from "./auth/authenticator.ts";
import { FailedLogins } from "./auth/failed-logins.ts";
import type { LunaContext } from "./context.ts";
import { CORS_HEADERS } from "./cors.ts";
import { lunaDialect } from "./dialect.ts";
import { lunaCodeOf } from "./error-answer.ts";
import { lunaOperations } from "./operations.ts";
import { LUNA_REQUEST_IDS } from "./request-id.ts";

/** What the API is made of. */
export interface LunaApiOptions {
  readonly context: LunaContext;
  /** Where it listens; port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Is told of every request; must not throw. */
  readonly watcher: HttpWatcher;
}

/** The API, before and while it listens. */
export interface LunaApi {
  /** Binds the port. Throws `config_invalid` when it cannot be bound. Returns the address, such as `http://127.0.0.1:5140`. */
  listen(): string;
  /**
   * Takes no more connections, lets the requests in flight finish for at most `timeoutMs` and cuts off the rest. Returns how
   * many were cut off.
   */
  stop(timeoutMs: number): Promise<number>;
}

/** Bodies of the largest size that may be held in memory at once. */
const LARGEST_BODIES_AT_ONCE = 16;

/** Makes the API. */
export function createLunaApi({ context, listen, watcher }: LunaApiOptions): LunaApi {
  const { luna } = context.settings;
  const { store, passwords, metrics } = context;
  const handle = createGateway({
    dialect: lunaDialect({
      operations: lunaOperations(context),
      authenticator: new Authenticator({ store, passwords, failures: new FailedLogins(luna.wrong_logins) }),
      timeoutMs: luna.timeout,
    }),
    requestIds: LUNA_REQUEST_IDS,
    proxies: new TrustedProxies(context.settings.http.proxies),
    headers: CORS_HEADERS,
    budget: new BodyBudget(LARGEST_BODIES_AT_ONCE * luna.max_body),
    watcher: {
      started: () => watcher.started(),
      finished(exchange, status, ms, peer) {
        const { method, route, error } = exchange;
        metrics?.answered(method, route, status, ms, error && lunaCodeOf(FacewireError.from(error)));
        watcher.finished(exchange, status, ms, peer);
      },
    },
  });
  let listener: Listener | undefined;
  return {
    listen() {
      if (listener) throw new FacewireError("internal", "The API listens already.");
      listener = Listener.open({ hostname: listen.host, port: listen.port, handle });
      return listener.url;
    },
    stop: async (timeoutMs) => (await listener?.stop(timeoutMs)) ?? 0,
  };
}
