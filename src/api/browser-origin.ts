/**
 * Keeps web pages of other origins from using an open listener through their visitor's browser. Two ways are closed:
 * a page that posts or opens a WebSocket across origins (its Origin or Sec-Fetch-Site gives it away), and a page whose host
 * name was pointed at 127.0.0.1 after loading (DNS rebinding; its Host header gives it away).
 */
import { FacewireError } from "../errors.ts";
import { isLoopback } from "./loopback.ts";
import { asksForWebSocket } from "./websocket.ts";

/** Methods that change nothing and whose answers another origin cannot read. */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Throws `origin_refused` for a request a foreign page seems to have sent. `loopbackOnly`: the listener is bound to
 * loopback, so a Host other than a loopback name is refused as well.
 */
export function checkBrowserOrigin(request: Request, loopbackOnly: boolean): void {
  const host = request.headers.get("host");
  if (loopbackOnly && host !== null && !isLoopback(hostnameOf(host))) {
    throw new FacewireError(
      "origin_refused",
      "An open listener on loopback answers only under a loopback name such as localhost; elsewhere send a token.",
      { details: { host } },
    );
  }
  // What comes over a WebSocket can be read by a page of any origin: browsers ask nobody's leave for it.
  if (SAFE_METHODS.has(request.method) && !asksForWebSocket(request)) return;
  const origin = request.headers.get("origin");
  const site = request.headers.get("sec-fetch-site");
  const foreign =
    origin === null ? site === "cross-site" || site === "same-site" : originHost(origin) !== host?.toLowerCase();
  if (foreign) {
    const message = "A page of another origin cannot use this open listener through a browser; send a token.";
    throw new FacewireError("origin_refused", message, { details: { origin: origin ?? site } });
  }
}

/** The host name in a Host header, without its port. */
function hostnameOf(host: string): string {
  return host.startsWith("[") ? host.slice(0, host.indexOf("]") + 1) : host.replace(/:\d*$/, "");
}

/** Host and port of an Origin header, or undefined for `null` and nonsense. */
function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
