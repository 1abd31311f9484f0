import { Module } from '@nestjs/common';
import { AccountModule } from '../account/account.module';
import { KeysModule } from '../keys/keys.module';
import { DemoData } from './demo-data';

/** Users and clients of the demo, where the configuration allows it. */
@Module({ imports: [AccountModule, KeysModule], providers: [DemoData] })
export class DemoModule {}
