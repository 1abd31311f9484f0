import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Metadata of a client with the names of RFC 7591, without its id and secret. */
export interface ClientMetadataRow {
  readonly client_name: string;
  readonly application_type?: 'web' | 'native';
  readonly token_endpoint_auth_method: 'none' | 'client_secret_basic';
  readonly grant_types: string[];
  readonly response_types: 'code'[];
  readonly redirect_uris: string[];
  readonly post_logout_redirect_uris?: string[];
  /** Scopes of the public API that the client may hold, separated by spaces. */
  readonly api_scope: string;
  /** A first-party client: its users are not asked for consent. */
  readonly first_party: boolean;
}

/** A program that may request tokens. */
@Entity({ name: 'oauth_clients' })
export class OauthClient {
  @PrimaryColumn('text', { name: 'client_id' })
  clientId!: string;

  @Column('jsonb')
  metadata!: ClientMetadataRow;

  /** The secret of a confidential client, sealed with KEY_ENCRYPTION_KEY (client_secret_basic compares the plain text). */
  @Column('text', { name: 'sealed_secret', nullable: true })
  sealedSecret!: string | null;
}
