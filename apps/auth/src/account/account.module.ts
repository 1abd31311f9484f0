import { Module } from '@nestjs/common';
import { AccountRpc } from './account.rpc';
import { AccountService } from './account.service';

/** Customer accounts: registration and passwords. */
@Module({ controllers: [AccountRpc], providers: [AccountService], exports: [AccountService] })
export class AccountModule {}
