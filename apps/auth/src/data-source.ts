import { database } from '@rookery/persistence';
import { User } from './account/user.entity';
import { OauthClient } from './clients/oauth-client.entity';
import { SigningKey } from './keys/signing-key.entity';
import { Auth1764000000000 } from './migrations/1-auth';
import { Notifications1765000000000 } from './migrations/1765000000000-notifications';
import { InboxOrder1765000100000 } from './migrations/1765000100000-inbox-order';
import { DevicePolls1765000200000 } from './migrations/1765000200000-device-polls';
import { IdempotencyKeys1765200000000 } from './migrations/1765200000000-idempotency-keys';
import { OidcPayload } from './provider/oidc-payload.entity';

/** The auth database. */
export const authDatabase = database({
  entities: [User, OauthClient, SigningKey, OidcPayload],
  migrations: [
    Auth1764000000000,
    Notifications1765000000000,
    InboxOrder1765000100000,
    DevicePolls1765000200000,
    IdempotencyKeys1765200000000,
  ],
});
