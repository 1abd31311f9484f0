import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNatsServer } from './nats-binary';

describe('looking for a nats-server', () => {
  let folder: string;
  let releases: string;
  let server: Server;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-spec-'));
    // A release site that serves something else than the release.
    server = createServer((_request, response) => response.end('not the release'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    releases = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  const program = (name: string): string => {
    mkdirSync(join(folder, 'path'), { recursive: true });
    const file = join(folder, 'path', name);
    writeFileSync(file, '#!/bin/sh\n', { mode: 0o755 });
    return file;
  };
  const find = (env: Record<string, string>) =>
    findNatsServer({ binFolder: join(folder, 'bin'), env, releases, aptGet: join(folder, 'no-apt-get') });

  it('takes NATS_SERVER_BIN before the PATH', async () => {
    program('nats-server');
    const given = program('my-nats');
    await expect(find({ NATS_SERVER_BIN: given, PATH: join(folder, 'path') })).resolves.toBe(given);
  });

  it('refuses a NATS_SERVER_BIN that cannot be run, by name', async () => {
    await expect(find({ NATS_SERVER_BIN: '/no/such/file' })).rejects.toThrow('NATS_SERVER_BIN=/no/such/file');
  });

  it('takes the one in the PATH before it fetches any', async () => {
    const inPath = program('nats-server');
    await expect(find({ PATH: `/no/such/folder:${join(folder, 'path')}` })).resolves.toBe(inPath);
  });

  it('does not use a download whose checksum is wrong, and says what was tried when there is none to be had', async () => {
    await expect(find({ PATH: '' })).rejects.toThrow(
      /no nats-server to be had[\s\S]*official release[\s\S]*Debian's package: there is no apt-get here[\s\S]*NATS_SERVER_BIN/,
    );
    await expect(find({ PATH: '' })).rejects.toThrow(/SHA-?256/);
    expect(readdirSync(join(folder, 'bin'))).toEqual([]);
  });
});
