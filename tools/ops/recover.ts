import { parseArgs } from 'node:util';
import type { Service } from '@rookery/contracts';
import { brokerLogin } from '@rookery/messaging';
import { connect } from '@nats-io/transport-node';
import { SERVICES } from '@rookery/devkit/stack/app-process';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { givenBroker } from '@rookery/devkit/stack/infrastructure';
import { printFailure } from '@rookery/devkit/terminal/progress';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { forgetDeliveries, recoverOrders } from './recovery';
import { databaseUrlOf } from './service-database';

/**
 * `npx rookery restore orders`: after the database of a service was restored and before the service is started. Orders are made again
 * from their stream, and the service's durable consumers are deleted, so that it is given everything again. Needs the broker's admin.
 */
const usage = `Usage: npx rookery restore <${SERVICES.join('|')}> [--grace 600]
NATS_URL and NATS_NKEY_SEED (with NATS_TLS_CA, NATS_TLS_CERT, NATS_TLS_KEY where the broker speaks TLS) are the broker's admin, DATABASE_URL_<SERVICE> the restored database; for orders also
DATABASE_URL_PRODUCTS, which is only read. --grace: seconds that Pending orders get from now for the answers to come again.`;

function readArguments(): { readonly service: Service; readonly graceSeconds: number } {
  const { service, grace } = parsed();
  const known = SERVICES.find((one) => one === service);
  if (known === undefined) throw new UserError(`--service ${JSON.stringify(service ?? '')} is none of ours.`, usage);
  if (!/^[1-9][0-9]{0,5}$/.test(grace))
    throw new UserError(`--grace ${JSON.stringify(grace)} is no number of seconds.`, usage);
  return { service: known, graceSeconds: Number(grace) };
}

function parsed() {
  helpWhenAsked(usage);
  try {
    return parseArgs({ options: { service: { type: 'string' }, grace: { type: 'string', default: '600' } } }).values;
  } catch (error) {
    throw new UserError(error instanceof Error ? error.message : String(error), usage);
  }
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const { service, graceSeconds } = readArguments();
  const { url, ...login } = givenBroker();
  const urls =
    service === 'orders' ? { orders: databaseUrlOf('orders'), products: databaseUrlOf('products') } : undefined;
  const broker = await connect({ servers: url, ...brokerLogin(login), timeout: 10_000 }).catch((cause: unknown) => {
    throw new UserError(`${url}: ${cause instanceof Error ? cause.message : String(cause)}`);
  });
  try {
    if (urls !== undefined) {
      const { made, ended, repriced, refused, unreadable } = await recoverOrders(broker, urls, graceSeconds);
      say(`orders: ${made} made again from the stream, ${ended} ends`);
      for (const id of repriced) say(`order ${id}: its lines have today's prices, its total is what was agreed`);
      for (const sequence of unreadable)
        say(`message ${sequence} of the stream: not readable by this release, what it told of is not recovered`);
      for (const id of refused) say(`order ${id}: not made again, a product of its is not in the catalogue`);
    }
    const streams = await forgetDeliveries(broker, service);
    say(`${service} will be given again, once it is started: ${streams.join(', ') || 'nothing, it takes no events'}`);
  } finally {
    await broker.close();
  }
}

try {
  await main();
} catch (error) {
  printFailure(error);
  process.exitCode = 1;
}
