import { join } from 'node:path';
import { findNatsServer } from './nats-binary';
import { freePorts } from './ports';
import { repository } from './repository';
import { PORT_VARIABLES } from './settings';

/** Settings of an `npm start` of another checkout beside what runs here: free ports, and the nats-server of this one, or it would fetch its own. */
export async function settingsBeside(): Promise<Readonly<Record<string, string>>> {
  const ports = await freePorts(PORT_VARIABLES.length);
  return {
    ...Object.fromEntries(PORT_VARIABLES.map((name, index) => [name, String(ports[index])])),
    NATS_SERVER_BIN: await findNatsServer({ binFolder: join(repository, '.data/bin') }),
  };
}
