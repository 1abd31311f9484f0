import 'reflect-metadata';
import { adminFailure, Nats, natsOptions, provisionBroker, provisioningConfig } from '@rookery/messaging';
import { configureLogger, loadConfig } from '@rookery/platform';

// Creates the streams and consumers of the whole system, or updates them to their definition; a second run changes nothing.
// A job that runs before a release: the only process with the admin's key.
const config = loadConfig(provisioningConfig, { name: 'provision-broker' });
configureLogger('provision-broker', config.LOG_LEVEL);

try {
  const nats = await Nats.connect(natsOptions('provision-broker', config));
  try {
    await provisionBroker(nats.connection, {
      replicas: config.BROKER_REPLICAS,
      eventBytes: config.BROKER_EVENT_STREAM_BYTES,
      deadLetterBytes: config.BROKER_DEAD_LETTER_STREAM_BYTES,
    });
  } finally {
    await nats.close();
  }
  process.stdout.write('streams and consumers are as this release defines them\n');
} catch (error) {
  process.stderr.write(`the broker was not provisioned: ${adminFailure(error)}\n`);
  process.exitCode = 1;
}
