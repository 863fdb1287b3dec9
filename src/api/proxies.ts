/** Whose request it is behind reverse proxies: the address that the nearest trusted proxy names, believed of nobody else. */
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Steps of the header that are looked at; no chain of proxies is as long. */
const MOST = 20;

/** See the file's head. */
export class TrustedProxies {
  readonly #ranges: readonly [Address, number][];

  /** `ranges`: addresses of the proxies, such as `10.0.0.0/8`. Throws for a text that is no range. */
  constructor(ranges: readonly string[]) {
    this.#ranges = ranges.map((range) => ipaddr.parseCIDR(range));
  }

  /**
   * The address of who sent a request that came from `peer`: of `X-Forwarded-For` the last one that is no trusted proxy. A
   * header from elsewhere, and what is no address, count for nothing.
   */
  senderOf(request: Request, peer: string | undefined): string | undefined {
    if (peer === undefined || this.#ranges.length === 0 || !this.#trusts(peer)) return peer;
    const steps = (request.headers.get("x-forwarded-for") ?? "").split(",").slice(-MOST).reverse();
    let nearest = peer;
    for (const step of steps.map((text) => text.trim())) {
      if (!ipaddr.isValid(step)) return nearest;
      nearest = ipaddr.process(step).toString();
      if (!this.#trusts(nearest)) return nearest;
    }
    return nearest;
  }

  #trusts(text: string): boolean {
    if (!ipaddr.isValid(text)) return false;
    // An IPv4 address in the form of an IPv6 one is the IPv4 address.
    const address = ipaddr.process(text);
    return this.#ranges.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
  }
}
