import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../terminal/user-error';
import { GuardedProcess } from './guarded-process';
import { isOurProcess, stopLeftover } from './leftover';

const READY_WITHIN_MS = 15_000;

export interface EmbeddedNatsOptions {
  readonly binary: string;
  /** Rendered nats-server.conf, with port and JetStream's store in it. */
  readonly config: string;
  readonly port: number;
  /** Where config, pid file and JetStream's store are. */
  readonly folder: string;
  readonly logFile: string;
  readonly say?: (message: string) => void;
  /** Runs when leftovers of an earlier run are gone and nothing listens yet that is ours. */
  readonly beforeStart?: () => Promise<void>;
}

/** A running nats-server of our own, on 127.0.0.1 only. */
export interface EmbeddedNats {
  readonly url: string;
  readonly process: GuardedProcess;
  /** Takes over another configuration without a restart; who may no longer connect is disconnected. */
  reload(config: string): Promise<void>;
  stop(): Promise<void>;
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    // The server greets each connection with INFO as soon as it serves clients.
    const socket = connect({ port, host: '127.0.0.1', timeout: 1_000 });
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', () => done(true));
    socket.once('error', () => done(false));
    socket.once('timeout', () => done(false));
  });

/** Stops the nats-server of a run that was killed. */
async function stopFormer(pidFile: string, configFile: string, say: EmbeddedNatsOptions['say']): Promise<void> {
  if (!existsSync(pidFile)) {
    return;
  }
  const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
  if (isOurProcess(pid, configFile)) {
    say?.(`nats-server of a run that was killed still runs (process ${pid}): stopping it`);
    await stopLeftover(pid, 'SIGTERM', 'nats-server');
  }
  rmSync(pidFile, { force: true });
}

/** Starts nats-server; resolves when it accepts clients. */
export async function startNats(options: EmbeddedNatsOptions): Promise<EmbeddedNats> {
  const { binary, config, port, folder, logFile } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const pidFile = join(folder, 'nats.pid');
  const configFile = join(folder, 'nats-server.conf');
  await stopFormer(pidFile, configFile, options.say);
  await options.beforeStart?.();
  const writeConfig = (text: string): void => {
    rmSync(configFile, { force: true });
    writeFileSync(configFile, text, { mode: 0o600 });
  };
  writeConfig(config);
  const server = new GuardedProcess({
    name: 'nats-server',
    command: binary,
    args: ['--config', configFile, '--pid', pidFile],
    cwd: folder,
    logFile,
    stopSignal: 'SIGTERM',
  });
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await accepts(port)) || server.exitCode !== undefined) {
    if (server.exitCode !== undefined || Date.now() > deadline) {
      await server.stop();
      const log = server.lastLines();
      if (/address already in use/.test(log)) {
        throw new UserError(
          `Port ${port} (embedded NATS) is taken.`,
          'Stop what holds it, or set EMBEDDED_NATS_PORT to another port.',
        );
      }
      throw new UserError(`nats-server did not start. The end of ${logFile}:\n${log}`);
    }
    await sleep(30);
  }
  const reload = async (changed: string): Promise<void> => {
    const before = readFileSync(logFile, 'utf8').length;
    writeConfig(changed);
    process.kill(Number.parseInt(readFileSync(pidFile, 'utf8'), 10), 'SIGHUP');
    const giveUpAt = Date.now() + READY_WITHIN_MS;
    for (;;) {
      const said = readFileSync(logFile, 'utf8').slice(before);
      if (said.includes('Reloaded server configuration')) {
        return;
      }
      if (Date.now() > giveUpAt || said.includes('Failed to reload')) {
        throw new UserError(`nats-server did not take over its new configuration. The end of ${logFile}:\n${said}`);
      }
      await sleep(30);
    }
  };
  const scheme = /^tls /m.test(config) ? 'tls' : 'nats';
  return { url: `${scheme}://127.0.0.1:${port}`, process: server, reload, stop: () => server.stop() };
}
