import { ServiceBroker } from 'moleculer';
import { setting } from '../shop';

/** A node of the system; the log says what is wrong, not each request. */
export const brokerOf = (nodeID: string): ServiceBroker =>
  new ServiceBroker({ nodeID, transporter: { type: 'NATS', options: { url: setting('NATS_URL') } }, logLevel: 'warn' });
