/** Who counts as one sender where tries are counted: an address of IPv4, or a network of IPv6. */
import ipaddr from "ipaddr.js";

/** Parts of 16 bits that name a network of IPv6. Whoever has one has all its 2^64 addresses, and can send from each. */
const NETWORK_PARTS = 4;

/** The name to count under; what is no address is its own. */
export function senderOf(address: string | undefined): string {
  if (address === undefined || !ipaddr.isValid(address)) return address ?? "";
  // An IPv4 address in the form of an IPv6 one is the IPv4 address.
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  return `${(parsed as ipaddr.IPv6).parts.slice(0, NETWORK_PARTS).join(":")}/64`;
}
