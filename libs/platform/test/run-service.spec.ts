import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { platform } from 'node:os';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { eventually } from '@rookery/testing';

const script = fileURLToPath(new URL('slow-service.ts', import.meta.url));
const tsconfig = fileURLToPath(new URL('../../../tsconfig.base.json', import.meta.url));

const Line = z.object({ msg: z.string(), address: z.string().optional(), upstream: z.string().optional() });

/** A real process that runs a service. */
class Process {
  private readonly child: ChildProcess;
  private output = '';
  private errors = '';
  readonly exit: Promise<number | null>;

  constructor(env: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, ['--import', 'tsx', script], {
      env: { PATH: process.env.PATH, TSX_TSCONFIG_PATH: tsconfig, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (this.output += chunk));
    this.child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (this.errors += chunk));
    this.exit = new Promise((resolve) => this.child.on('close', (code) => resolve(code)));
  }

  get lines(): readonly z.infer<typeof Line>[] {
    const whole = this.output.split('\n').slice(0, -1);
    return whole.map((line) => Line.parse(JSON.parse(line)));
  }

  get errorOutput(): string {
    return this.errors;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async line(message: string): Promise<z.infer<typeof Line>> {
    const [first] = await this.linesOf(message, 1);
    return Line.parse(first);
  }

  /** Waits for at least so many lines with this message. */
  linesOf(message: string, count: number): Promise<readonly z.infer<typeof Line>[]> {
    return eventually(
      () => {
        const found = this.lines.filter((line) => line.msg === message);
        if (found.length < count) {
          throw new Error(`no "${message}" yet: ${this.output}${this.errors}`);
        }
        return found;
      },
      { timeoutMs: 30_000 },
    );
  }

  async url(): Promise<string> {
    return (await this.line('ready')).address ?? '';
  }
}

describe('a process run by runService', () => {
  const processes: Process[] = [];
  const start = (env: Readonly<Record<string, string>> = {}): Process => {
    const one = new Process(env);
    processes.push(one);
    return one;
  };
  afterEach(async () => {
    for (const one of processes.splice(0)) {
      one.signal('SIGKILL');
      await one.exit;
    }
  });

  (platform() === 'linux' ? it : it.skip)(
    'hands its port over to a process that shares it, and fails nobody who asks again after a reset',
    async () => {
      const first = start({ SHARE_PORT: 'true' });
      const url = await first.url();
      const second = start({ SHARE_PORT: 'true', PORT: new URL(url).port });
      expect(await second.url()).toBe(url);
      const enough = new AbortController();
      const statuses: number[] = [];
      const asked = (async () => {
        // A connection that the old process never took in is reset when its port closes: HTTP clients then ask again (RFC 9110, 9.2.2).
        const ask = (): Promise<Response> => fetch(`${url}/livez`);
        while (!enough.signal.aborted) {
          statuses.push((await ask().catch(ask)).status);
        }
      })();

      first.signal('SIGTERM');
      await expect(first.exit).resolves.toBe(0);
      const before = statuses.length;
      await eventually(() => expect(statuses.length).toBeGreaterThan(before + 10));
      enough.abort();
      await asked;

      expect(before).toBeGreaterThan(0);
      expect(statuses.filter((status) => status !== 200)).toEqual([]);
    },
  );

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'loses no request in flight on %s, closes its pools after them, and exits 0',
    async (signal) => {
      const service = start();
      const url = await service.url();
      const answers = Array.from({ length: 20 }, () => fetch(`${url}/slow`).then((response) => response.status));
      await service.linesOf('work began', 20);
      service.signal(signal);
      expect(await Promise.all(answers)).toEqual(Array(20).fill(200));
      expect(await service.exit).toBe(0);
      const messages = service.lines.map((line) => line.msg);
      expect(messages.indexOf('pools closed')).toBeGreaterThan(messages.lastIndexOf('request'));
      expect(messages.at(-1)).toBe('stopped');
    },
    60_000,
  );

  it('does not wait for connections on which nothing has come', async () => {
    const service = start({ SHUTDOWN_GRACE_SECONDS: '5' });
    const url = new URL(await service.url());
    const silent = connect(Number(url.port), url.hostname);
    await once(silent, 'connect');
    service.signal('SIGTERM');
    expect(await service.exit).toBe(0);
    silent.destroy();
  }, 60_000);

  it('tells in the log line of a request what was noted for it', async () => {
    const service = start({ WORK_MS: '1' });
    const url = await service.url();
    expect((await fetch(`${url}/noted`)).status).toBe(200);
    expect((await fetch(`${url}/slow`)).status).toBe(200);
    const lines = await service.linesOf('request', 2);
    expect(lines.map(({ upstream }) => upstream)).toEqual(['legacy', undefined]);
  }, 60_000);

  it('exits 1 when a shutdown takes longer than its grace', async () => {
    const service = start({ WORK_MS: '30000', SHUTDOWN_GRACE_SECONDS: '1' });
    const url = await service.url();
    const answer = fetch(`${url}/slow`).then(
      () => 'answered',
      () => 'cut off',
    );
    await service.line('work began');
    service.signal('SIGTERM');
    expect(await service.exit).toBe(1);
    expect(await answer).toBe('cut off');
    expect(service.lines.at(-1)?.msg).toBe('shutdown took too long');
  }, 60_000);

  it('says which port is taken and which variable to mend, and exits 1', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const address = holder.address();
    const port = address !== null && typeof address !== 'string' ? address.port : 0;
    const service = start({ PORT: String(port) });
    expect(await service.exit).toBe(1);
    expect(service.errorOutput).toBe(
      `slow cannot start: port ${port} is taken. Stop what listens there, or set PORT to a free one.\n`,
    );
    await new Promise((resolve) => holder.close(resolve));
  }, 60_000);

  it('does not start with a bad setting', async () => {
    const service = start({ PORT: 'many' });
    expect(await service.exit).toBe(1);
    expect(service.errorOutput).toMatch(/^slow cannot start: 1 setting is wrong\n {2}PORT {2}is wrong: /);
  }, 60_000);
});
