import { Module } from '@nestjs/common';
import { AccountModule } from '../account/account.module';
import { ProviderModule } from '../provider/provider.module';
import { FormTokens } from './form-tokens';
import { InteractionController } from './interaction.controller';
import { SignInThrottle } from './sign-in-throttle';

/** The sign-in and consent pages. */
@Module({
  imports: [AccountModule, ProviderModule],
  controllers: [InteractionController],
  providers: [FormTokens, SignInThrottle],
  exports: [SignInThrottle],
})
export class SignInModule {}
