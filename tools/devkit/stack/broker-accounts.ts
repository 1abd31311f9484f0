import { nkeys } from '@nats-io/nats-core';
import { Callers, recordOf } from '@rookery/contracts';
import { type BrokerAccount, type BrokerClient, brokerUsers, nkeyOf } from '@rookery/messaging';

/** Seed of the nkey of each process and of the admin. */
export type BrokerSeeds = Readonly<Record<BrokerClient, string>>;

/** Account of the embedded broker. */
export const MAIN_ACCOUNT = 'ROOKERY';

/** Everybody who has a key. */
export const BROKER_CLIENTS: readonly BrokerClient[] = ['admin', ...Callers];

/** A new nkey's seed: `SU…`. */
export const makeSeed = (): string => new TextDecoder().decode(nkeys.createUser().getSeed());

/** New keys for one account. */
export const makeSeeds = (): BrokerSeeds => recordOf(BROKER_CLIENTS, makeSeed);

/** An account with the admin and every process in it. `also`: further seeds that open the door while one is replaced. */
export function brokerAccount(
  name: string,
  seeds: BrokerSeeds,
  also: Readonly<Partial<Record<BrokerClient, string>>> = {},
): BrokerAccount {
  const keys = (client: BrokerClient): readonly string[] =>
    [seeds[client], also[client]].filter((seed) => seed !== undefined).map(nkeyOf);
  return { name, users: brokerUsers(recordOf(BROKER_CLIENTS, keys)) };
}
