import { mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Infrastructure } from '../stack/infrastructure';
import type { Secrets } from '../stack/secrets';
import type { Stack, StackOptions } from '../stack/stack';
import { UserError } from '../terminal/user-error';
import { executeRotation, RotationRequest } from './request';
import { Rotation } from './rotation';

/** In bytes; macOS allows 103, Linux 107. */
const LONGEST_SOCKET = 100;

/** It is taken relative to where we are when that is shorter. */
function socketOf(dataFolder: string): string {
  const absolute = join(dataFolder, 'secrets/control.sock');
  const fromHere = relative(process.cwd(), absolute);
  return fromHere.length < absolute.length ? fromHere : absolute;
}

const Reply = z.union([
  z.object({ said: z.string() }),
  z.object({ failed: z.string() }),
  z.object({ done: z.literal(true) }),
]);
type Reply = z.infer<typeof Reply>;

type RotationHandler = (request: RotationRequest, say: (line: string) => void) => Promise<void>;

/** Has a stack take requests of `npx rookery credentials rotate` where its servers are its own. Returns what ends it. */
export async function takeRotations(
  stack: Stack,
  options: StackOptions & { readonly secrets: Secrets; readonly infrastructure: Infrastructure },
): Promise<() => Promise<void>> {
  const { own } = options.infrastructure;
  if (own === undefined) {
    return () => Promise.resolve();
  }
  if (Buffer.byteLength(socketOf(options.folder)) > LONGEST_SOCKET) {
    options.progress?.say(
      '`npx rookery credentials rotate` will not reach this stack: the path of its data folder is too long',
    );
    return () => Promise.resolve();
  }
  const rotation = new Rotation(stack, { ...options, infrastructure: { ...options.infrastructure, own } });
  return listenForRotations(options.folder, (request, say) => executeRotation(rotation, request, say));
}

/**
 * Takes requests, one at a time, on a socket in the folder of its secrets, which only its owner can enter.
 * Returns what ends it.
 */
async function listenForRotations(dataFolder: string, handle: RotationHandler): Promise<() => Promise<void>> {
  const path = socketOf(dataFolder);
  mkdirSync(join(dataFolder, 'secrets'), { recursive: true, mode: 0o700 });
  rmSync(path, { force: true });
  let last: Promise<void> = Promise.resolve();
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    createInterface({ input: socket, crlfDelay: Infinity }).once('line', (line) => {
      last = last.then(() => answer(socket, line, handle));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return async () => {
    server.close();
    await last;
  };
}

async function answer(socket: Socket, line: string, handle: RotationHandler): Promise<void> {
  const reply = (message: Reply): void => void socket.write(`${JSON.stringify(message)}\n`);
  try {
    await handle(RotationRequest.parse(JSON.parse(line)), (said) => reply({ said }));
    reply({ done: true });
  } catch (error) {
    reply({ failed: error instanceof Error ? error.message : String(error) });
  } finally {
    socket.end();
  }
}

/** Has the stack on this data folder carry out a request; throws a UserError when none runs or it does not succeed. */
export async function requestRotation(
  dataFolder: string,
  request: RotationRequest,
  say: (line: string) => void,
): Promise<void> {
  const socket = connect(socketOf(dataFolder));
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', () =>
      reject(
        new UserError(
          `No stack with servers of its own runs on ${dataFolder}.`,
          'Start it with `npm start`; for servers of your own and for Kubernetes see docs/rotation.md.',
        ),
      ),
    );
  });
  socket.write(`${JSON.stringify(request)}\n`);
  for await (const line of createInterface({ input: socket, crlfDelay: Infinity })) {
    const reply = Reply.parse(JSON.parse(line));
    if ('said' in reply) {
      say(reply.said);
    } else if ('failed' in reply) {
      throw new UserError(`Not rotated: ${reply.failed}`);
    } else {
      return;
    }
  }
  throw new UserError('The stack ended before it was done.');
}
