import type { Client } from 'pg';
import type { Caller, Requester, Service } from '@rookery/contracts';
import { SERVICES } from '../stack/app-process';
import { makeSeed } from '../stack/broker-accounts';
import { addressOf, allowLogin, loginRoleOf, refuseLogin } from '../stack/databases';
import type { Infrastructure, OwnServers } from '../stack/infrastructure';
import { withDatabase } from '../stack/rows';
import { makeInternalKey, random, saveSecrets, type Secrets } from '../stack/secrets';
import { provideEnvs, type Stack, type StackOptions } from '../stack/stack';

/** What a running stack stands on, and what it was started with. */
export interface RotationOptions extends StackOptions {
  readonly secrets: Secrets;
  readonly infrastructure: Infrastructure & { readonly own: OwnServers };
}

/** Tells what has been done. */
export type Say = (line: string) => void;

/**
 * Gives a running stack new credentials. Each time the same three steps: the side that checks the credential accepts the new one beside the old
 * one, the side that shows it is replaced by a process that has the new one, and the old one is refused. No request fails meanwhile.
 */
export class Rotation {
  private secrets: Secrets;
  private databases: Infrastructure['databases'];

  constructor(
    private readonly stack: Pick<Stack, 'replace'>,
    private readonly options: RotationOptions,
  ) {
    this.secrets = options.secrets;
    this.databases = options.infrastructure.databases;
  }

  /** The service logs in by the other one of its two roles, with a new password; the role it had is shut out. */
  async databasePassword(service: Service, say: Say): Promise<void> {
    const { own } = this.options.infrastructure;
    const wasSecond = this.secrets.secondRoles.includes(service);
    const password = random();
    await this.asSuperuser(own, async (superuser) => {
      const role = await allowLogin(superuser, service, !wasSecond, password);
      say(`${service} may log in to its database as ${role}, with a new password`);
      this.databases = {
        ...this.databases,
        [service]: addressOf(own.postgresUrl, { role, password, database: service }),
      };
      this.secrets = {
        ...this.secrets,
        databases: { ...this.secrets.databases, [service]: password },
        secondRoles: wasSecond
          ? this.secrets.secondRoles.filter((one) => one !== service)
          : [...this.secrets.secondRoles, service],
      };
      await this.changeOver([service]);
      await refuseLogin(superuser, service, wasSecond);
      say(`${loginRoleOf(service, wasSecond)} may log in no more`);
    });
  }

  /** The broker knows two keys of the process until it has changed over. */
  async natsKey(app: Caller, say: Say): Promise<void> {
    const { own } = this.options.infrastructure;
    const former = this.secrets.broker[app];
    const broker = { ...this.secrets.broker, [app]: makeSeed() };
    await own.admit(broker, { [app]: former });
    say(`the broker knows a new key of ${app}`);
    this.secrets = { ...this.secrets, broker };
    await this.changeOver([app]);
    await own.admit(broker);
    say(`the broker knows the former key of ${app} no more`);
  }

  /**
   * Two waves, as two processes of auth run beside each other: the new key is known before the first cookie is signed by it. The former key
   * verifies until the next rotation, so that nobody is logged out.
   */
  async cookieKey(say: Say): Promise<void> {
    const [current = random(), ...older] = this.secrets.cookieKeys;
    const fresh = random();
    this.secrets = { ...this.secrets, cookieKeys: [current, fresh, ...older] };
    await this.changeOver(['auth']);
    say('auth knows a new cookie key');
    this.secrets = { ...this.secrets, cookieKeys: [fresh, current] };
    await this.changeOver(['auth']);
    say(`cookies are signed by it; the key before is known until the next rotation, older ones are not`);
  }

  /** Three waves: the services know the new key, the caller signs with it, the services forget the former one. */
  async internalKey(caller: Requester, say: Say): Promise<void> {
    const { signing, published } = await makeInternalKey(`${caller}.${random(6)}`);
    const { kid: former } = this.secrets.internalKeys[caller];
    this.secrets = { ...this.secrets, internalJwks: { keys: [...this.secrets.internalJwks.keys, published] } };
    await this.changeOver(SERVICES);
    say(`the services know a new key of ${caller}`);
    this.secrets = { ...this.secrets, internalKeys: { ...this.secrets.internalKeys, [caller]: signing } };
    await this.changeOver([caller]);
    say(`${caller} signs with it`);
    const keys = this.secrets.internalJwks.keys.filter(({ kid }) => kid !== former);
    this.secrets = { ...this.secrets, internalJwks: { keys } };
    await this.changeOver(SERVICES);
    say(`the services know the former key of ${caller} no more`);
  }

  /** Replaces these processes by ones with the secrets of now, and keeps those for the next start. */
  private async changeOver(apps: readonly Caller[]): Promise<void> {
    const { infrastructure, folder } = this.options;
    const envs = provideEnvs({
      ...this.options,
      secrets: this.secrets,
      infrastructure: {
        ...infrastructure,
        databases: this.databases,
        broker: { ...infrastructure.broker, seeds: this.secrets.broker },
      },
    });
    await Promise.all(apps.map((app) => this.stack.replace(app, envs[app])));
    saveSecrets(folder, this.secrets);
  }

  private asSuperuser(own: OwnServers, work: (superuser: Client) => Promise<void>): Promise<void> {
    return withDatabase(own.postgresUrl, work);
  }
}
