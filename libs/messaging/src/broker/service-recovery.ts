import { JetStreamApiCodes, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { z } from 'zod';
import type { Service } from '@rookery/contracts';
import { brokerConfig, commonConfig, configureLogger } from '@rookery/platform';
import { adminFailure } from './admin-failure';
import { consumedBy, streamOf } from './definitions';
import { Nats, natsOptions } from './nats';
import { isApiError } from './provisioning';

/** Settings of a service's recovery, which requires the broker's admin. */
export const recoveryConfig = z.object({
  ...brokerConfig,
  NATS_NKEY_SEED: brokerConfig.NATS_NKEY_SEED.describe('Seed of the admin nkey of the account'),
  LOG_LEVEL: commonConfig.LOG_LEVEL,
});
type RecoveryConfig = z.output<typeof recoveryConfig>;

/**
 * Deletes the durable consumers of a stopped service. At its next start the service recreates them and receives whole streams. Its inbox drops
 * the events that the restored database knows, and the others take effect.
 * @returns the names of the streams
 */
export async function forgetDeliveries(admin: NatsConnection, service: Service): Promise<readonly string[]> {
  const manager = await jetstreamManager(admin);
  const streams = consumedBy(service).map(streamOf);
  for (const stream of streams) {
    await manager.consumers.delete(stream, service).catch((error: unknown) => {
      if (!isApiError(error, JetStreamApiCodes.ConsumerNotFound)) {
        throw error;
      }
    });
  }
  return streams;
}

/**
 * Runs the recovery of a service as a program, after its database was restored and before it starts: first `restore`, then
 * `forgetDeliveries`. Progress on stdout; a failure is one line on stderr and exit code 1. It is idempotent.
 */
export async function recoverService(
  service: Service,
  config: RecoveryConfig,
  restore: (nats: Nats, say: (line: string) => void) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  configureLogger(`${service}-recovery`, config.LOG_LEVEL);
  try {
    const nats = await Nats.connect(natsOptions(service, config));
    try {
      await restore(nats, say);
      const streams = await forgetDeliveries(nats.connection, service);
      say(`${service} receives at its next start: ${streams.join(', ') || 'nothing, it consumes no events'}`);
    } finally {
      await nats.close();
    }
  } catch (error) {
    process.stderr.write(`${service} was not recovered: ${adminFailure(error)}\n`);
    process.exitCode = 1;
  }
}
