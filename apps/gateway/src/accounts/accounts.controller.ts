import { Body, Controller, Header, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AccountView, AuthRpc, RegisterAccount } from '@rookery/contracts';
import { RpcClient } from '@rookery/messaging';
import { Exposes } from '../openapi/exposes.decorator';
import { RegistrationLimit } from '../rate-limit/registration-limit.decorator';

@ApiTags('Accounts')
@Controller('v1/accounts')
export class AccountsController {
  constructor(private readonly rpc: RpcClient) {}

  @Post()
  @RegistrationLimit()
  @Header('cache-control', 'no-store')
  @Exposes({
    summary: 'Register',
    description:
      'Creates a customer account for signing in. The number of registrations per address and hour is limited.',
    keyed: AuthRpc.register,
    success: { status: 201, description: 'The new account', schema: AccountView },
    hasBody: true,
  })
  register(@Body({ schema: RegisterAccount }) body: RegisterAccount): Promise<AccountView> {
    return this.rpc.call(AuthRpc.register, body);
  }
}
