import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { UserError } from '../terminal/user-error';

/** A port and the environment variable that sets it. */
export interface NamedPort {
  readonly what: string;
  readonly port: number;
  readonly variable: string;
}

const isFree = (port: number, host: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'EADDRINUSE' && error.code !== 'EACCES'),
    );
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });

/** Refuses to go on when one is taken, naming each and the variable that moves it. */
export async function requireFreePorts(ports: readonly NamedPort[], host = '127.0.0.1'): Promise<void> {
  const checked = await Promise.all(ports.map(async (named) => ({ ...named, free: await isFree(named.port, host) })));
  const taken = checked.filter(({ free }) => !free);
  if (taken.length === 0) {
    return;
  }
  const lines = taken.map(
    ({ what, port, variable }) => `Port ${port} (${what}) is taken; ${variable}=<port> moves it.`,
  );
  throw new UserError(
    lines.join('\n  '),
    'Is another `npm start` running? Stop what holds the port, or set the variable.',
  );
}

/** Below those that systems give to outgoing connections: one of them would take a port between its choice and its use. */
const [FIRST, AFTER_LAST] = [20_000, 30_000];

/** Ports nobody listens on right now, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = randomInt(FIRST, AFTER_LAST);
    if (!found.has(port) && (await isFree(port, '127.0.0.1'))) {
      found.add(port);
    }
  }
  return [...found];
}
