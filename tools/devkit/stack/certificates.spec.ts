import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { jest } from '@jest/globals';
import { authorityFile, clientTls, provideCertificates, serverTls } from './certificates';

describe('certificates of our own', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-certificates-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = (file: string): X509Certificate => new X509Certificate(readFileSync(file));

  it('are an authority, two servers and a client per process, readable by their owner only', async () => {
    const made = await provideCertificates(folder);
    expect(made.map(({ name }) => name)).toEqual([
      'ca',
      ...['nats', 'postgres'],
      ...['admin', 'gateway', 'auth', 'products', 'orders', 'payments'],
    ]);
    const files = readdirSync(folder);
    expect(files).toHaveLength(18);
    expect(files.filter((file) => (statSync(join(folder, file)).mode & 0o777) !== 0o600)).toEqual([]);
  });

  it('name the servers as clients reach them, and are made for one purpose each', async () => {
    await provideCertificates(folder);
    const [nats, postgres] = [read(serverTls(folder, 'nats').cert), read(serverTls(folder, 'postgres').cert)];
    for (const host of ['localhost', 'nats']) {
      expect(nats.checkHost(host)).toBe(host);
    }
    for (const host of ['localhost', 'postgres']) {
      expect(postgres.checkHost(host)).toBe(host);
    }
    expect([nats.checkIP('127.0.0.1'), nats.checkHost('example.com')]).toEqual(['127.0.0.1', undefined]);
    const orders = new X509Certificate(clientTls(folder, 'orders').cert);
    const [serverAuth, clientAuth] = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];
    expect([nats.keyUsage, orders.keyUsage]).toEqual([[serverAuth], [clientAuth]]);
    expect(read(authorityFile(folder)).ca).toBe(true);
    expect(orders.ca).toBe(false);
  });

  it('let a client and a server of the folder know each other, and nobody else', async () => {
    const foreign = join(folder, 'foreign');
    await Promise.all([provideCertificates(folder), provideCertificates(foreign)]);
    const { ca, cert, key } = serverTls(folder, 'nats');
    const text = (file: string): string => readFileSync(file, 'utf8');
    const server = createServer(
      { ca: text(ca), cert: text(cert), key: text(key), requestCert: true, rejectUnauthorized: true },
      (socket) => socket.end('welcome'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const greeted = (tls: Readonly<Record<'ca' | 'cert' | 'key', string | undefined>>): Promise<string> =>
      new Promise((resolve, reject) => {
        let heard = '';
        const socket = connect({ host: '127.0.0.1', port, ...tls });
        socket.on('data', (data: Buffer) => (heard += data.toString())).once('error', reject);
        socket.once('close', () => resolve(heard));
      });
    const [own, stranger] = [clientTls(folder, 'orders'), clientTls(foreign, 'orders')];
    try {
      await expect(greeted(own)).resolves.toBe('welcome');
      // Under TLS 1.3 the server's refusal comes after the client's handshake: as an error, or as an end without a greeting.
      await expect(greeted({ ...stranger, ca: own.ca }).catch(() => '')).resolves.toBe('');
      await expect(greeted({ ...own, ca: stranger.ca })).rejects.toThrow(/certificate/);
    } finally {
      server.close();
    }
  });

  it('stay as they are by default, and are created again when they are lost, damaged, or it is forced', async () => {
    const bytes = (): ReadonlyMap<string, string> =>
      new Map(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
    await provideCertificates(folder);
    const before = bytes();
    expect((await provideCertificates(folder)).filter(({ made }) => made)).toEqual([]);
    expect(bytes()).toEqual(before);

    rmSync(join(folder, 'orders.key'));
    writeFileSync(join(folder, 'auth.crt'), 'damaged');
    // A key that belongs to another certificate.
    writeFileSync(join(folder, 'products.key'), before.get('payments.key') ?? '');
    const mended = (await provideCertificates(folder)).filter(({ made }) => made).map(({ name }) => name);
    expect(mended).toEqual(['auth', 'products', 'orders']);

    expect((await provideCertificates(folder, { force: true })).every(({ made }) => made)).toBe(true);
    for (const [file, text] of bytes()) {
      expect({ file, same: text === before.get(file) }).toEqual({ file, same: false });
    }
  });

  it('are renewed a month before they end, under the authority that is trusted already', async () => {
    await provideCertificates(folder);
    const authority = readFileSync(authorityFile(folder), 'utf8');
    jest.useFakeTimers({ now: Date.now() + 340 * 24 * 60 * 60_000, doNotFake: ['nextTick', 'setImmediate'] });
    try {
      const renewed = await provideCertificates(folder);
      expect(renewed.map(({ made }) => made)).toEqual([false, ...Array<boolean>(8).fill(true)]);
    } finally {
      jest.useRealTimers();
    }
    expect(readFileSync(authorityFile(folder), 'utf8')).toBe(authority);
  });
});
