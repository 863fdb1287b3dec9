/** Which addresses of the internet protocol a server may be sent to by somebody outside: public ones, and those it allows. */
import ipaddr from "ipaddr.js";

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** All addresses of IPv6 that were ever given to the public internet: what lies outside is special by being there. */
const GLOBAL_IPV6: Range = [ipaddr.IPv6.parse("2000::"), 3];

/** Decides over addresses. */
export class ReachableAddresses {
  readonly #allowed: readonly Range[];

  /** `allow`: ranges that may be reached although they are not public. Throws for a text that is no range. */
  constructor(allow: readonly string[]) {
    this.#allowed = allow.map((range) => ipaddr.parseCIDR(range));
  }

  /**
   * Whether an address may be reached. Not so: loopback, private, link-local (with the metadata services of clouds), shared
   * (carrier-grade NAT), multicast, reserved and documentation ranges, and every form of IPv6 that carries an address of
   * IPv4 (mapped, compatible, NAT64, 6to4, Teredo), which would lead around the check. What is no address is neither.
   */
  includes(address: string): boolean {
    if (!ipaddr.isValid(address)) return false;
    const parsed = ipaddr.parse(address);
    if (this.#allowed.some((range) => within(parsed, range))) return true;
    return parsed.range() === "unicast" && (parsed.kind() === "ipv4" || within(parsed, GLOBAL_IPV6));
  }
}

/** A range of one family never holds an address of the other. */
function within(address: ipaddr.IPv4 | ipaddr.IPv6, [base, bits]: Range): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}
