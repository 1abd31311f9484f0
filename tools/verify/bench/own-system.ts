import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEnv } from 'node:util';
import { ApiClient, tokenOf } from '@rookery/devkit/client/api-client';
import { AppProcess } from '@rookery/devkit/stack/app-process';
import { freePorts } from '@rookery/devkit/stack/ports';
import { catalog, type MeasuredSystem, type Memory, memoryOf, serversIn, SETTLED_AFTER_MS } from './measured-system';
import type { Shop } from './order-client';
import { membersOf } from './process-use';
import type { StartedSystem } from './started-system';

/** Products that are added at a time. */
const AT_A_TIME = 8;

/** A started system, as a customer orders from it. */
export const shopOf = (name: string, system: StartedSystem): Shop => ({
  name,
  url: system.gatewayUrl,
  database: system.databaseUrl('orders'),
  headers: async () => ({ authorization: `Bearer ${await tokenOf(system.authUrl, 'alice')}` }),
});

/** Rookery as `npm start` runs it. A second gateway beside it caches no product; its CPU and its memory do not count. */
export class OwnSystem implements MeasuredSystem {
  readonly what = 'Rookery as `npm start` runs it, with everything on';

  readonly url: string;
  readonly database: string;
  readonly headers: Shop['headers'];

  private constructor(
    readonly name: string,
    private readonly system: StartedSystem,
    private readonly gateway: AppProcess,
    readonly notKeptUrl: string,
    readonly idle: Memory | undefined,
  ) {
    ({ url: this.url, database: this.database, headers: this.headers } = shopOf(name, system));
  }

  /** Takes the system over: it ends with this one, and when this one cannot be started. */
  static async of(name: string, system: StartedSystem): Promise<OwnSystem> {
    const [port = 0] = await freePorts(1);
    let gateway: AppProcess | undefined;
    try {
      await sleep(SETTLED_AFTER_MS);
      const idle = memoryIn(system);
      const settings = parseEnv(readFileSync(join(system.dataFolder, 'env/gateway.env'), 'utf8'));
      const env = { ...defined(settings), PORT: String(port), PRODUCT_CACHE_SECONDS: '0' };
      const log = join(system.dataFolder, 'logs/gateway-without-cache.log');
      gateway = new AppProcess('gateway', env, log, join(system.folder, 'dist/apps'));
      await gateway.ready();
      await fill(system);
      return new OwnSystem(name, system, gateway, `http://127.0.0.1:${port}`, idle);
    } catch (error) {
      await gateway?.stop();
      await system.stop();
      throw error;
    }
  }

  cpuSeconds(): number | undefined {
    return this.system.cpuSeconds;
  }

  memory(): Memory | undefined {
    return memoryIn(this.system);
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.system.stop();
  }
}

function memoryIn({ pid, dataFolder }: StartedSystem): Memory | undefined {
  const apps = membersOf(pid).filter(({ command }) => /dist\/apps\/[a-z]+\/main\.js/.test(command));
  return memoryOf(
    apps.map((app) => app.pid),
    serversIn(dataFolder),
  );
}

async function fill(system: StartedSystem): Promise<void> {
  const operator = await ApiClient.signIn(system, 'olga');
  const waiting = catalog.values();
  const add = async (): Promise<void> => {
    for (const product of waiting) {
      await operator.addProduct(product);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, add));
}

const defined = (env: NodeJS.Dict<string>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
