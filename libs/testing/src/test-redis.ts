import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { eventually } from './eventually';
import { accepts, freePort, programInPath } from './server-program';

/** The redis-server in PATH; undefined if there is none, so that specs that need it are skipped. */
export const redisServer: string | undefined = programInPath('redis-server');

/** A real Redis without persistence: a kill loses all data. */
export class TestRedis {
  private running: ChildProcess | undefined;
  private readonly password = randomBytes(12).toString('hex');

  private constructor(private readonly port: number) {}

  static async start(): Promise<TestRedis> {
    const redis = new TestRedis(await freePort());
    process.once('exit', () => redis.running?.kill('SIGKILL'));
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://:${this.password}@127.0.0.1:${this.port}`;
  }

  /** Starts it at the same address as before. */
  async start(): Promise<void> {
    if (redisServer === undefined) {
      throw new Error('there is no redis-server in the PATH');
    }
    const settings = { bind: '127.0.0.1', port: this.port, requirepass: this.password, save: '', appendonly: 'no' };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    this.running = spawn(redisServer, args, { stdio: 'ignore' });
    await eventually(() => accepts(this.port));
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    const running = this.running;
    this.running = undefined;
    if (running === undefined || running.exitCode !== null) {
      return;
    }
    const exited = once(running, 'exit');
    running.kill('SIGKILL');
    await exited;
  }

  /** Suspends the process with its connections; `resume` continues it. */
  pause(): void {
    this.running?.kill('SIGSTOP');
  }

  resume(): void {
    this.running?.kill('SIGCONT');
  }
}
