import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { type Difference, MAX_LISTED_DIFFERENCES, MAX_RECORDS } from '@rookery/contracts';
import { UnitOfWork } from '@rookery/persistence';
import { firstUuidAt } from '@rookery/platform';
import { compareOrders, type Comparison, stockDifferences } from './compare';
import { OpenDifferences } from './open-differences';
import { OrderRecords } from './order-records';

/** Longer than the skew between reads of the services, and than a provider call with storing its answer usually takes. */
const READ_AGAIN_AFTER_MS = 500;

/** The result of one page of orders; everything up to `upTo` was compared. */
export interface ComparedPage extends Comparison {
  readonly upTo: string;
}

export interface ComparedStock {
  readonly products: number;
  /** The first ones. */
  readonly differences: readonly Difference[];
  /** How many there are at least: a product beyond the first ones counts as one difference. */
  readonly total: number;
}

/** How long after its end an order may settle before the services must agree on it. */
export class SettlingTime {
  constructor(readonly seconds: number) {}
}

/** Compares the records of orders, payments and products, and stores their differences. */
@Injectable()
export class Reconciler {
  constructor(
    private readonly records: OrderRecords,
    private readonly open: OpenDifferences,
    private readonly settling: SettlingTime,
    private readonly unitOfWork: UnitOfWork,
  ) {}

  /** Upper bound of the ids of all orders that can have settled. */
  async horizon(): Promise<string> {
    const now = await this.unitOfWork.now();
    return firstUuidAt(new Date(now.getTime() - this.settling.seconds * 1_000));
  }

  /** The next orders of a range. Differences are read a second time before they count: the services are not read in one snapshot. */
  async page(after: string, upTo: string): Promise<ComparedPage> {
    const first = await this.compare(after, upTo);
    const compared = first.differences.length === 0 ? first : await this.compareAgain(after, first);
    await this.open.recordOrders({ after, upTo: compared.upTo, except: compared.inFlight }, compared.differences);
    return compared;
  }

  /** Checks all products in one snapshot. */
  async stock(): Promise<ComparedStock> {
    const { products, total, items } = await this.records.stock(MAX_LISTED_DIFFERENCES);
    const differences = items.flatMap(stockDifferences);
    await this.open.recordProducts(differences);
    return { products, differences, total: differences.length + total - items.length };
  }

  private async compareAgain(after: string, first: ComparedPage): Promise<ComparedPage> {
    await pause(READ_AGAIN_AFTER_MS);
    const again = await this.compare(after, first.upTo);
    const seen = new Set(first.differences.map(nameOf));
    return { ...again, differences: again.differences.filter((difference) => seen.has(nameOf(difference))) };
  }

  private async compare(after: string, upTo: string): Promise<ComparedPage> {
    const records = await this.records.read({ after, upTo, limit: MAX_RECORDS });
    const comparison = compareOrders(records, await this.unitOfWork.now(), this.settling.seconds * 1_000);
    return { ...comparison, upTo: records.upTo };
  }
}

const nameOf = ({ kind, orderId }: Difference): string => `${kind} ${orderId ?? ''}`;
