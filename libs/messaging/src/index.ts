export { adminFailure } from './broker/admin-failure';
export { deadLetterStreamOf, streamDefinitions, streamOf } from './broker/definitions';
export { brokerLogin, Nats, natsOptions, type NatsOptions, type NatsTls } from './broker/nats';
export { nkeyOf } from './broker/nkey-login';
export {
  brokerUsers,
  inboxPrefixOf,
  jetstreamInboxPrefixOf,
  type BrokerClient,
  type BrokerKey,
} from './broker/permissions';
export { provisionBroker } from './broker/provisioning';
export { provisioningConfig } from './broker/provisioning-config';
export { recoverService, recoveryConfig } from './broker/service-recovery';
export {
  natsAccountsConfig,
  natsServerConfig,
  natsServerSettings,
  type BrokerAccount,
  type NatsServerTls,
} from './broker/server-config';
export { requireSupportedNatsServer, TESTED_NATS_SERVERS } from './broker/server-version';
export { DeadLettersModule } from './dead-letters/dead-letters.module';
export { CloudEvent, eventType } from './events/cloud-event';
export { DeadLetterHeaders, deadLetterSubject } from './events/dead-letter';
export { EventPublisher } from './events/event-publisher';
export { JetStreamServer } from './events/jetstream-server';
export { OnEvent } from './events/on-event';
export { PermanentFailure } from './events/permanent-failure';
export { streamEvents, type StreamEvent } from './events/stream-events';
export { MessagingModule } from './messaging.module';
export { secondsAheadOfMost } from './rpc/peer-clocks';
export { RpcClient } from './rpc/rpc-client';
export { RpcHandler } from './rpc/rpc-handler';
export { requestsAndEvents } from './requests-and-events';
