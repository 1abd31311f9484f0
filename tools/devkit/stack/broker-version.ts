import { connect } from 'node:net';
import { z } from 'zod';

const ANSWERS_WITHIN_MS = 3_000;
const DEFAULT_PORT = 4222;
const Info = z.object({ version: z.string() });

/**
 * Version of the nats-server at `url` (of the first that answers, when there are several with commas). A server sends it to every client that
 * connects, before any log-in and before TLS. Undefined when none answers in time.
 */
export async function brokerVersion(url: string): Promise<string | undefined> {
  for (const address of url.split(',')) {
    const version = await versionAt(address.trim());
    if (version !== undefined) {
      return version;
    }
  }
  return undefined;
}

function versionAt(address: string): Promise<string | undefined> {
  const parsed = URL.parse(address.includes('://') ? address : `nats://${address}`);
  if (parsed === null) {
    return Promise.resolve(undefined);
  }
  const { hostname, port } = parsed;
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, '');
    const socket = connect({ host, port: Number(port === '' ? DEFAULT_PORT : port) });
    let greeting = '';
    const done = (version: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(version);
    };
    const timer = setTimeout(() => done(undefined), ANSWERS_WITHIN_MS);
    socket.on('error', () => done(undefined));
    socket.on('close', () => done(undefined));
    socket.on('data', (data) => {
      greeting += data.toString('utf8');
      if (greeting.includes('\r\n')) {
        done(versionIn(greeting));
      }
    });
  });
}

/** `INFO {…}`, the first line of the protocol. */
function versionIn(greeting: string): string | undefined {
  const [, json = ''] = /^INFO (\{.*\})/.exec(greeting) ?? [];
  try {
    return Info.safeParse(JSON.parse(json)).data?.version;
  } catch {
    return undefined;
  }
}
