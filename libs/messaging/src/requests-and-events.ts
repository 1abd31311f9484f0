import type { INestApplicationContext } from '@nestjs/common';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { Nats } from './broker/nats';
import { JetStreamServer } from './events/jetstream-server';
import { RpcServer } from './rpc/rpc-server';

/** The transports of a service that answers requests and consumes events; for `microservices` of its definition. */
export const requestsAndEvents = (app: INestApplicationContext): readonly CustomTransportStrategy[] => [
  new RpcServer(app.get(Nats)),
  app.get(JetStreamServer),
];
