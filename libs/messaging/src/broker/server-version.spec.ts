import { createServer, type Server } from 'node:net';
import { nkeys } from '@nats-io/nats-core';
import { Nats } from './nats';
import { requireSupportedNatsServer, TESTED_NATS_SERVERS, UnsupportedNatsServer } from './server-version';

describe('the oldest supported nats-server', () => {
  it.each(['2.9.9', '2.9.0-beta.1', 'v2.8.4', '1.99.99'])('rejects %s and names the remedy', (version) => {
    expect(() => requireSupportedNatsServer(version)).toThrow(UnsupportedNatsServer);
    expect(() => requireSupportedNatsServer(version)).toThrow(
      `NATS_URL points to nats-server ${version}, which is not supported: upgrade it to 2.9.10 or newer.`,
    );
  });

  it.each([TESTED_NATS_SERVERS.oldest, TESTED_NATS_SERVERS.newest, 'v2.10.0', '2.12.0-RC.2', '3.0.0', 'unknown'])(
    'accepts %s',
    (version) => {
      expect(() => requireSupportedNatsServer(version)).not.toThrow();
    },
  );
});

describe('a process that connects to an older nats-server', () => {
  let server: Server;
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  it('does not start, and names the version', async () => {
    const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      const info = {
        server_id: 'N',
        version: '2.8.4',
        proto: 1,
        max_payload: 1_048_576,
        headers: true,
        nonce: 'nonce',
      };
      socket.write(`INFO ${JSON.stringify(info)}\r\n`);
      socket.on('data', (data) => data.toString().includes('PING') && socket.write('PONG\r\n'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    await expect(
      Nats.connect({ service: 'orders', url: `nats://127.0.0.1:${port}`, nkeySeed: seed, connectTimeoutMs: 2_000 }),
    ).rejects.toThrow('NATS_URL points to nats-server 2.8.4');
  });
});
