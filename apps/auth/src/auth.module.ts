import { DeadLettersModule, MessagingModule, natsOptions } from '@rookery/messaging';
import { PersistenceModule } from '@rookery/persistence';
import { HealthModule } from '@rookery/platform';
import { RedisModule } from '@rookery/resilience';
import { SecurityModule } from '@rookery/security';
import { type DynamicModule, Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AccountRpc } from './account/account.rpc';
import { AccountService } from './account/account.service';
import { AUTH_CONFIG, type AuthConfig } from './auth.config';
import { authDatabase } from './data-source';
import { DemoData } from './demo/demo-data';
import { KeyCipher } from './keys/key-cipher';
import { SigningKeys } from './keys/signing-keys';
import { NotificationModule } from './notification/notification.module';
import { AccessTokenRegister } from './provider/access-token-register';
import { AddressLimit } from './provider/address-limit';
import { FrontDoor } from './provider/front-door';
import { Maintenance } from './provider/maintenance';
import { ProviderHost } from './provider/provider-host';
import { RootController } from './pages/root.controller';
import { FormTokens } from './sign-in/form-tokens';
import { InteractionController } from './sign-in/interaction.controller';
import { SignInThrottle } from './sign-in/sign-in-throttle';

@Module({})
export class AuthModule {
  static forRoot(config: AuthConfig): DynamicModule {
    return {
      module: AuthModule,
      imports: [
        PersistenceModule.forRoot({ options: authDatabase(config), service: 'auth' }),
        MessagingModule.forRoot(natsOptions('auth', config)),
        SecurityModule.forRpc({ service: 'auth', jwks: config.INTERNAL_JWKS }),
        RedisModule.forRoot({ name: 'auth', url: config.REDIS_URL }),
        HealthModule.register(),
        DeadLettersModule.forConsumer('auth'),
        NotificationModule.forRoot({ server: config.SMTP_URL, from: config.MAIL_FROM }),
      ],
      controllers: [AccountRpc, InteractionController, RootController],
      providers: [
        { provide: AUTH_CONFIG, useValue: config },
        { provide: KeyCipher, useValue: new KeyCipher(config.KEY_ENCRYPTION_KEY) },
        {
          provide: SigningKeys,
          inject: [DataSource, KeyCipher],
          useFactory: (dataSource: DataSource, cipher: KeyCipher) => new SigningKeys(dataSource, cipher),
        },
        AccountService,
        AccessTokenRegister,
        SignInThrottle,
        AddressLimit,
        FrontDoor,
        FormTokens,
        ProviderHost,
        Maintenance,
        DemoData,
      ],
    };
  }
}
