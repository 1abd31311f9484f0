import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

const FORWARDING = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'forwarded'] as const;

/** Peers whose forwarding headers are trusted, from a list of addresses and CIDR ranges. */
export function trustedProxies(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    list.addSubnet(address, prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix), family);
  }
  return list;
}

/** Removes forwarding headers of peers that are not trusted proxies: oidc-provider (Koa) can only trust all peers or none. */
export function dropForgedForwarding(request: IncomingMessage, trusted: BlockList): void {
  const peer = (request.socket.remoteAddress ?? '').replace(/^::ffff:/u, '');
  const family = isIP(peer) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(peer) !== 0 && trusted.check(peer, family)) {
    return;
  }
  for (const name of FORWARDING) {
    Reflect.deleteProperty(request.headers, name);
  }
}
