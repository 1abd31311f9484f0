import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { DataSource } from 'typeorm';
import type { KeyCipher } from '../keys/key-cipher';
import { OauthClient } from './oauth-client.entity';

/** Gives oidc-provider the registered clients. They are seeded or inserted by an operator, never by the provider. */
export class ClientAdapter implements Adapter {
  constructor(
    private readonly dataSource: DataSource,
    private readonly cipher: KeyCipher,
  ) {}

  async find(id: string): Promise<AdapterPayload | undefined> {
    if (id.includes('\u0000')) return undefined;
    const client = await this.dataSource.getRepository(OauthClient).findOneBy({ clientId: id });
    if (client === null) return undefined;
    const secret =
      client.sealedSecret === null ? {} : { client_secret: this.cipher.open(client.sealedSecret, client.clientId) };
    return { ...client.metadata, ...secret, client_id: client.clientId };
  }

  upsert(): Promise<void> {
    return refuse();
  }

  findByUserCode(): Promise<undefined> {
    return refuse();
  }

  findByUid(): Promise<undefined> {
    return refuse();
  }

  consume(): Promise<void> {
    return refuse();
  }

  destroy(): Promise<void> {
    return refuse();
  }

  revokeByGrantId(): Promise<void> {
    return refuse();
  }
}

/** Dynamic registration is off; a call here is a programming error. */
function refuse(): Promise<never> {
  return Promise.reject(new Error('clients are read only'));
}
