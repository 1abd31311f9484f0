import { Injectable } from '@nestjs/common';
import { Column, Entity, type MigrationInterface, type QueryRunner } from 'typeorm';
import { ProductChanged } from '@rookery/contracts';
import { uuidv7 } from '@rookery/platform';
import {
  AggregateRepository,
  AggregateRoot,
  bigintColumn,
  createIdempotencyKeys,
  createOutboxAndInbox,
  dropIdempotencyKeys,
  dropOutboxAndInbox,
  Outbox,
  UnitOfWork,
} from '../src/index';

export class Limit {
  @Column({ type: 'bigint', transformer: bigintColumn })
  perDayMinor: number = 1_000;
}

/** The smallest aggregate with all kinds of columns. */
@Entity('wallets')
export class Wallet extends AggregateRoot {
  @Column({ type: 'bigint', transformer: bigintColumn })
  balanceMinor: number = 0;

  @Column({ type: 'jsonb' })
  notes: string[] = [];

  @Column(() => Limit)
  limit: Limit = new Limit();

  static open(balanceMinor = 0): Wallet {
    const wallet = new Wallet();
    wallet.id = uuidv7();
    wallet.balanceMinor = balanceMinor;
    wallet.tell('created');
    return wallet;
  }

  deposit(amountMinor: number): void {
    this.balanceMinor += amountMinor;
    this.tell('changed');
  }

  note(text: string): void {
    this.notes.push(text);
  }

  private tell(change: 'created' | 'changed'): void {
    this.record(ProductChanged, { productId: this.id, version: this.version, change });
  }
}

@Injectable()
export class WalletRepository extends AggregateRepository<Wallet> {
  constructor(unitOfWork: UnitOfWork, outbox: Outbox) {
    super(unitOfWork, outbox, Wallet);
  }
}

export class CreateWallets1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createOutboxAndInbox(runner);
    await createIdempotencyKeys(runner);
    await runner.query(`
      CREATE TABLE wallets (
        id                  uuid        NOT NULL CONSTRAINT wallets_pk PRIMARY KEY,
        version             integer     NOT NULL,
        event_sequence      integer     NOT NULL,
        created_at          timestamptz NOT NULL,
        updated_at          timestamptz NOT NULL,
        balance_minor       bigint      NOT NULL CONSTRAINT wallets_balance_ck CHECK (balance_minor >= 0),
        notes               jsonb       NOT NULL,
        limit_per_day_minor bigint      NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE wallets');
    await dropIdempotencyKeys(runner);
    await dropOutboxAndInbox(runner);
  }
}
