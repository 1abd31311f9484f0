import { Module } from '@nestjs/common';
import { StockRecordQueries } from './stock-records.queries';
import { RecordsRpc } from './stock-records.rpc';

@Module({ controllers: [RecordsRpc], providers: [StockRecordQueries] })
export class ReconciliationModule {}
