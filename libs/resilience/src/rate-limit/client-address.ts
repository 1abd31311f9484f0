import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * The key that rate limits use for a client's address. An IPv4 address counts as it is. Of an IPv6 address only the first 64 bits
 * count: one customer commonly has all addresses of that network and could change them at will.
 */
export function limitedAddress(ip: string): string {
  if (!isIPv6(ip)) {
    return ip;
  }
  const address = ipaddr.IPv6.parse(ip.replace(/%.*$/, ''));
  if (address.isIPv4MappedAddress()) {
    return address.toIPv4Address().toString();
  }
  const network = address.parts.slice(0, 4).map((group) => group.toString(16));
  return `${network.join(':')}::/64`;
}
