import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProgramSource } from './fetched-program';
import { findNatsServer, locateNatsServer } from './nats-binary';

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

  const write = (file: string, version: string): string => {
    writeFileSync(file, `#!/bin/sh\necho 'nats-server: v${version}'\n`, { mode: 0o755 });
    return file;
  };
  const program = (name: string, version = '2.12.0'): string => {
    mkdirSync(join(folder, 'path'), { recursive: true });
    return write(join(folder, 'path', name), version);
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

  it('refuses a NATS_SERVER_BIN that is too old or something else, and says how to mend it', async () => {
    const old = program('old-nats', '2.9.9');
    await expect(find({ NATS_SERVER_BIN: old })).rejects.toThrow(
      /NATS_SERVER_BIN=.*old-nats: .*nats-server 2\.9\.9, which is not supported.*2\.9\.10 or newer[\s\S]*Name another one/,
    );
    await expect(find({ NATS_SERVER_BIN: process.execPath })).rejects.toThrow('does not say that it is a nats-server');
  });

  it('takes the one in the PATH before it fetches any', async () => {
    const inPath = program('nats-server');
    await expect(find({ PATH: `/no/such/folder:${join(folder, 'path')}` })).resolves.toBe(inPath);
  });

  it('does not use a download whose checksum is wrong, and says what was tried when there is none', async () => {
    await expect(find({ PATH: '' })).rejects.toThrow(
      /no nats-server that can be used[\s\S]*official release[\s\S]*Debian unstable's package: there is no apt-get here[\s\S]*distribution's package: there is no apt-get here[\s\S]*NATS_SERVER_BIN/,
    );
    await expect(find({ PATH: '' })).rejects.toThrow(/SHA-?256/);
    expect(readdirSync(join(folder, 'bin'))).toEqual([]);
  });

  describe('that is fetched', () => {
    const days = 24 * 3_600_000;
    let offered: Record<'best' | 'second', string | undefined>;
    const said: string[] = [];

    const source = (from: 'best' | 'second', pinned: boolean): ProgramSource => ({
      from,
      pinned,
      file: join(folder, 'bin', from),
      fetch: (into) => {
        const version = offered[from];
        return version === undefined
          ? Promise.reject(new Error('no network'))
          : Promise.resolve(write(join(into, 'nats-server'), version));
      },
    });
    const locate = async (env: Record<string, string> = { PATH: '' }): Promise<string> => {
      const options = { binFolder: join(folder, 'bin'), env, say: (line: string) => said.push(line) };
      const { version, from } = await locateNatsServer({
        ...options,
        sources: [source('best', false), source('second', false)],
      });
      return `${version} ${from}`;
    };
    const age = (from: 'best' | 'second', ms: number): void => {
      const then = new Date(Date.now() - ms);
      utimesSync(join(folder, 'bin', from), then, then);
    };

    beforeEach(() => {
      offered = { best: undefined, second: undefined };
      said.length = 0;
    });

    it('is the best that can be had, and says what could not', async () => {
      offered.second = '2.9.10';
      await expect(locate()).resolves.toBe('2.9.10 second');
      expect(said).toContain('best could not be fetched: no network');
    });

    it('is not fetched again within a day', async () => {
      offered.second = '2.9.10';
      await locate();
      offered = { best: '2.15.1', second: '2.10.0' };
      age('second', 0.9 * days);
      await expect(locate()).resolves.toBe('2.9.10 second');
    });

    it('does not keep a newer one away for longer than that', async () => {
      offered.second = '2.9.10';
      await locate();
      offered = { best: '2.15.1', second: '2.9.10' };
      age('second', 1.1 * days);
      await expect(locate()).resolves.toBe('2.15.1 best');
      offered.best = '2.15.2';
      age('best', 1.1 * days);
      await expect(locate()).resolves.toBe('2.15.2 best');
    });

    it('goes on being used where there is no network any more, without a new try at each start', async () => {
      offered.second = '2.9.10';
      await locate();
      offered.second = undefined;
      age('second', 30 * days);
      await expect(locate()).resolves.toBe('2.9.10 second');
      said.length = 0;
      await expect(locate()).resolves.toBe('2.9.10 second');
      expect(said).toEqual([]);
    });

    it('takes the place of one in the PATH that is too old', async () => {
      offered.best = '2.15.1';
      program('nats-server', '2.8.4');
      await expect(locate({ PATH: join(folder, 'path') })).resolves.toBe('2.15.1 best');
      expect(said.join()).toMatch(/path\/nats-server is not used: .*2\.8\.4/);
    });

    it('is not used when it is too old or does not run', async () => {
      offered = { best: '2.8.4', second: "2.15.1'; exit 1; '" };
      await expect(locate()).rejects.toThrow(
        /no nats-server that can be used[\s\S]*best: .*2\.8\.4[\s\S]*second: .* ended with 1/,
      );
      expect(readdirSync(join(folder, 'bin'))).toEqual([]);
    });
  });
});
