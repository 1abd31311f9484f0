import { type DynamicModule, Global, Module } from '@nestjs/common';
import { DeadLettersModule, MessagingModule, natsOptions } from '@rookery/messaging';
import { PersistenceModule } from '@rookery/persistence';
import { RedisModule } from '@rookery/resilience';
import { SecurityModule } from '@rookery/security';
import { AUTH_CONFIG, type AuthConfig } from './auth.config';
import { authDatabase } from './data-source';
import { DemoModule } from './demo/demo.module';
import { KeysModule } from './keys/keys.module';
import { Maintenance } from './maintenance/maintenance';
import { NotificationModule } from './notification/notification.module';
import { RootController } from './pages/root.controller';
import { ProviderModule } from './provider/provider.module';
import { SignInModule } from './sign-in/sign-in.module';

/** The settings as a provider, global because every capability reads them. */
@Global()
@Module({})
class SettingsModule {
  static forRoot(config: AuthConfig): DynamicModule {
    const settings = { provide: AUTH_CONFIG, useValue: config };
    return { module: SettingsModule, providers: [settings], exports: [settings] };
  }
}

/** The auth service: accounts, the OpenID Provider and its pages, mails to customers. */
@Module({})
export class AuthModule {
  static forRoot(config: AuthConfig): DynamicModule {
    return {
      module: AuthModule,
      imports: [
        SettingsModule.forRoot(config),
        PersistenceModule.forRoot({ options: authDatabase(config), service: 'auth' }),
        MessagingModule.forRoot(natsOptions('auth', config)),
        SecurityModule.forRpc({ service: 'auth', jwks: config.INTERNAL_JWKS }),
        RedisModule.forRoot({ name: 'auth', url: config.REDIS_URL }),
        DeadLettersModule.forConsumer('auth'),
        NotificationModule.forRoot({ server: config.SMTP_URL, from: config.MAIL_FROM }), // part:mails
        KeysModule,
        ProviderModule,
        SignInModule,
        DemoModule,
      ],
      controllers: [RootController],
      providers: [Maintenance],
    };
  }
}
