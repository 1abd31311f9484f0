import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import type { Caller } from '@rookery/contracts';
import { AppProcess } from '@rookery/devkit/stack/app-process';
import { freePorts } from '@rookery/devkit/stack/ports';

const Settings = z.record(z.string(), z.string());

/** What an app of the stack was started with. */
export function settingsOf(app: Caller): Readonly<Record<string, string>> {
  const { E2E_STACK_FOLDER: folder } = z.object({ E2E_STACK_FOLDER: z.string() }).parse(process.env);
  return Settings.parse(parseEnv(readFileSync(join(folder, 'env', `${app}.env`), 'utf8')));
}

/** One more process of an app on the stack's databases and broker. */
export interface Replica {
  readonly process: AppProcess;
  readonly url: string;
  /** Everything it has logged so far. */
  log(): string;
  stop(): Promise<void>;
}

/** Starts one more process of an app as a second replica in a cluster would be, with `settings` over the stack's. Ready when it resolves. */
export async function startReplica(app: Caller, settings: Readonly<Record<string, string>> = {}): Promise<Replica> {
  const [port = 0] = await freePorts(1);
  const folder = mkdtempSync(join(tmpdir(), `rookery-replica-${app}-`));
  const replica = new AppProcess(
    app,
    { ...settingsOf(app), ...settings, PORT: String(port) },
    join(folder, `${app}.log`),
  );
  const stop = async () => {
    await replica.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await replica.ready();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    process: replica,
    url: `http://127.0.0.1:${port}`,
    log: () => readFileSync(replica.logFile, 'utf8'),
    stop,
  };
}
