import type { Caller } from '@rookery/contracts';
import { adminUserOf, brokerUsers, type BrokerAccount } from '@rookery/messaging';

/** Password of each process's user. */
export type BrokerPasswords = Readonly<Record<Caller, string>>;

/** Account of the embedded broker. */
export const MAIN_ACCOUNT = 'ROOKERY';

/** User names are unique on a whole broker: outside of the main account they carry the account's name. */
const userPrefix = (account: string): string => (account === MAIN_ACCOUNT ? '' : `${account.toLowerCase()}-`);

/** Name of each process's user in an account. */
export function brokerUsersOf(account: string): Readonly<Record<Caller, string>> {
  const prefix = userPrefix(account);
  return {
    gateway: `${prefix}gateway`,
    auth: `${prefix}auth`,
    products: `${prefix}products`,
    orders: `${prefix}orders`,
    payments: `${prefix}payments`,
  };
}

/** Name of the account's admin. */
export const brokerAdminOf = (account: string): string => adminUserOf(account);

/** An account with the five processes' users in it. */
export const brokerAccount = (name: string, passwords: BrokerPasswords): BrokerAccount => ({
  name,
  users: brokerUsers(passwords, { prefix: userPrefix(name) }),
});
