import { Controller } from '@nestjs/common';
import { type AccountView, AuthRpc, type RegisterAccount } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import type { KeyedAnswer } from '@rookery/platform';
import { AccountService } from './account.service';

@Controller()
export class AccountRpc {
  constructor(private readonly accounts: AccountService) {}

  @RpcHandler(AuthRpc.register)
  register(request: RegisterAccount): Promise<KeyedAnswer<AccountView>> {
    return this.accounts.register(request);
  }
}
