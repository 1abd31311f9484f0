import { Module } from '@nestjs/common';
import { ProviderModule } from '../provider/provider.module';
import { PaymentRecordQueries } from './payment-records.queries';
import { RecordsRpc } from './payment-records.rpc';

@Module({ imports: [ProviderModule], controllers: [RecordsRpc], providers: [PaymentRecordQueries] })
export class ReconciliationModule {}
