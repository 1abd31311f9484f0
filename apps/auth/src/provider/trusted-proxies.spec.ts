import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { dropForgedForwarding, trustedProxies } from './trusted-proxies';

function requestFrom(remoteAddress: string): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress });
  const request = new IncomingMessage(socket);
  request.headers = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https', accept: '*/*' };
  return request;
}

describe('forwarding headers', () => {
  const trusted = trustedProxies(['10.0.0.0/8', '::1']);

  it.each(['10.1.2.3', '::ffff:10.1.2.3', '::1'])('are kept from the trusted proxy %s', (peer) => {
    const request = requestFrom(peer);
    dropForgedForwarding(request, trusted);
    expect(request.headers).toHaveProperty('x-forwarded-for');
  });

  it.each(['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', ''])('are dropped from %s', (peer) => {
    const request = requestFrom(peer);
    dropForgedForwarding(request, trusted);
    expect(request.headers).toEqual({ accept: '*/*' });
  });
});
