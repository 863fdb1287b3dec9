/** The native API on a port. */
import { FacewireError } from "../../errors.ts";
import type { HttpWatcher } from "../../observe/reports.ts";
import { AccessGuard, decideOpenness, type TokenBook } from "../access.ts";
import { BodyBudget } from "../body.ts";
import { createGateway } from "../gateway.ts";
import { Listener } from "../listener.ts";
import { TrustedProxies } from "../proxies.ts";
import { REQUEST_IDS } from "../request-id.ts";
import type { NativeContext } from "./context.ts";
import { nativeDialect } from "./dialect.ts";

/** What the native API is made of. */
export interface NativeApiOptions extends NativeContext {
  /** Where it listens; port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly access: { readonly open: boolean };
  readonly tokens: TokenBook;
  /** Ranges of addresses whose `X-Forwarded-For` is believed; none when absent. */
  readonly proxies?: readonly string[];
  /** Is told of every request; must not throw. */
  readonly watcher: HttpWatcher;
  /** Version of the program. */
  readonly version: string;
}

/** The native API, before and while it listens. */
export interface NativeApi {
  /** Answers a request without a port, as if it had come in through it. */
  handle(request: Request): Promise<Response>;
  /** Binds the port. Throws `config_invalid` when it cannot be bound. Returns the address, such as `http://127.0.0.1:8000`. */
  listen(): string;
  /**
   * Reports not ready, takes no more connections, lets the requests in flight finish for at most `timeoutMs` and cuts
   * off the rest. Returns how many were cut off.
   */
  stop(timeoutMs: number): Promise<number>;
}

/** Bodies of the largest size that may be held in memory at once. */
const LARGEST_BODIES_AT_ONCE = 8;

/** Makes the API; rejects with `listen_unsafe` when the address would be open to others without anybody having said so. */
export async function createNativeApi(options: NativeApiOptions): Promise<NativeApi> {
  const { listen, tokens, access, watcher } = options;
  const open = await decideOpenness(listen.host, access, tokens);
  let listener: Listener | undefined;
  let stopping = false;
  const context: NativeContext = {
    ...options,
    health: async () => ({
      ...(await options.health()),
      http: stopping ? { status: "failed", message: "The server is stopping." } : { status: "ok" },
    }),
  };
  const handle = createGateway({
    dialect: nativeDialect(context, options.version, new AccessGuard(listen.host, open, tokens)),
    requestIds: REQUEST_IDS,
    proxies: new TrustedProxies(options.proxies ?? []),
    budget: new BodyBudget(LARGEST_BODIES_AT_ONCE * options.limits.maxBody),
    watcher,
  });
  return {
    handle,
    listen() {
      if (listener) throw new FacewireError("internal", "The API listens already.");
      listener = Listener.open({ hostname: listen.host, port: listen.port, handle });
      return listener.url;
    },
    async stop(timeoutMs) {
      stopping = true;
      return (await listener?.stop(timeoutMs)) ?? 0;
    },
  };
}
