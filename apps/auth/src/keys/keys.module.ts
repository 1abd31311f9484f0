import { Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { KeyCipher } from './key-cipher';
import { SigningKeys } from './signing-keys';

/** The signing keys of tokens, and the cipher of secrets in the database. */
@Module({
  providers: [
    {
      provide: KeyCipher,
      inject: [AUTH_CONFIG],
      useFactory: (config: AuthConfig) => new KeyCipher(config.KEY_ENCRYPTION_KEY),
    },
    {
      provide: SigningKeys,
      inject: [DataSource, KeyCipher],
      useFactory: (dataSource: DataSource, cipher: KeyCipher) => new SigningKeys(dataSource, cipher),
    },
  ],
  exports: [KeyCipher, SigningKeys],
})
export class KeysModule {}
