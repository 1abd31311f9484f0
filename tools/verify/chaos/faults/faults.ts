import { brokers } from './brokers';
import { crashes } from './crashes';
import { databases } from './databases';
import { disks } from './disks';
import { exactMoments } from './exact-moments';
import type { Fault } from './fault';
import { messages } from './messages';
import { network } from './network';

/** Every way to break the system that the runs know (`npm run chaos -- --list`). */
export const faults: readonly Fault[] = [
  ...crashes,
  ...exactMoments,
  ...brokers,
  ...databases,
  ...network,
  ...messages,
  ...disks,
];
