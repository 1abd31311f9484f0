import { Callers, recordOf } from '@rookery/contracts';
import { brokerUsers, nkeyOf, type BrokerAccount, type BrokerClient, type BrokerCredential } from '@rookery/messaging';
import { nkeys } from '@nats-io/nats-core';

/** Seed of the nkey of each process and of the admin. */
export type BrokerSeeds = Readonly<Record<BrokerClient, string>>;

/** Account of the embedded broker. */
export const MAIN_ACCOUNT = 'ROOKERY';

/** The test broker's account in which releases from before there were keys run too, by TEST_NATS_FORMER_PASSWORD. */
export const FORMER_RELEASE_ACCOUNT = 'E4';

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
  /** Lets releases from before there were keys in too, each process by its name. */
  formerPassword?: string,
): BrokerAccount {
  const keys = (client: BrokerClient): readonly BrokerCredential[] => [
    ...[seeds[client], also[client]].filter((seed) => seed !== undefined).map(nkeyOf),
    ...(formerPassword === undefined ? [] : [{ user: client, password: formerPassword }]),
  ];
  return { name, users: brokerUsers(recordOf(BROKER_CLIENTS, keys)) };
}
