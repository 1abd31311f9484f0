import { Module } from '@nestjs/common';
import { AccountModule } from '../account/account.module';
import { KeysModule } from '../keys/keys.module';
import { AccessTokenRegister } from './access-token-register';
import { AddressLimit } from './address-limit';
import { FrontDoor } from './front-door';
import { ProviderHost } from './provider-host';

/** The OpenID Provider, behind the checks of the front door. */
@Module({
  imports: [AccountModule, KeysModule],
  providers: [AccessTokenRegister, AddressLimit, FrontDoor, ProviderHost],
  exports: [ProviderHost],
})
export class ProviderModule {}
