import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { DataSource } from 'typeorm';
import type { KeyCipher } from '../keys/key-cipher';
import { OauthClient } from './oauth-client.entity';

/** The registered clients for oidc-provider. They are seeded or inserted by an operator, never by the provider. */
export class ClientAdapter implements Adapter {
  constructor(
    private readonly dataSource: DataSource,
    private readonly cipher: KeyCipher,
  ) {}

  async find(id: string): Promise<AdapterPayload | undefined> {
    if (id.includes('\u0000')) {
      return undefined;
    }
    const client = await this.dataSource.getRepository(OauthClient).findOneBy({ clientId: id });
    if (client === null) {
      return undefined;
    }
    const secret =
      client.sealedSecret === null ? {} : { client_secret: this.cipher.open(client.sealedSecret, client.clientId) };
    return { ...client.metadata, ...secret, client_id: client.clientId };
  }

  upsert(): Promise<void> {
    return reject();
  }

  findByUserCode(): Promise<undefined> {
    return reject();
  }

  findByUid(): Promise<undefined> {
    return reject();
  }

  consume(): Promise<void> {
    return reject();
  }

  destroy(): Promise<void> {
    return reject();
  }

  revokeByGrantId(): Promise<void> {
    return reject();
  }
}

/** Dynamic registration is disabled; a call here is a programming error. */
function reject(): Promise<never> {
  return Promise.reject(new Error('clients are read only'));
}
