import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embeddedInfrastructure, type Infrastructure } from '@rookery/devkit/stack/infrastructure';
import { freePorts } from '@rookery/devkit/stack/ports';
import { makeSecrets } from '@rookery/devkit/stack/secrets';
import type { Progress } from '@rookery/devkit/terminal/progress';

/**
 * A Postgres that waits for its disk and a broker with file streams, on free ports: settings of production, in a folder of their own, which `stop`
 * removes.
 */
export async function startBenchServers(progress: Progress): Promise<Infrastructure> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'rookery-bench-'));
  // Postgres may run as another user and must get through.
  chmodSync(dataFolder, 0o711);
  // After Ctrl-C: the servers end with this process by themselves.
  const remove = (): void => rmSync(dataFolder, { recursive: true, force: true });
  process.once('exit', remove);
  const [postgresPort = 0, natsPort = 0] = await freePorts(2);
  const settings = { dataFolder, postgresPort, natsPort, tls: false };
  const servers = await embeddedInfrastructure(settings, await makeSecrets(), progress);
  return {
    ...servers,
    stop: async () => {
      await servers.stop();
      process.off('exit', remove);
      remove();
    },
  };
}
