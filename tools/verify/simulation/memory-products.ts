import type { EntityManager } from 'typeorm';
import type { Change, Outbox, UnitOfWork } from '@rookery/persistence';
import { Reservation } from '../../../apps/products/src/reservation/reservation.entity';
import { ReservationRepository } from '../../../apps/products/src/reservation/reservation.repository';
import type { StockLevel, StockLine } from '../../../apps/products/src/stock/stock-decision';
import { type Movement, sources, StockRepository } from '../../../apps/products/src/stock/stock.repository';
import type { MemoryDatabase, SimulatedClock } from './memory-database';
import { Rows } from './memory-rows';

export class MemoryReservations extends ReservationRepository {
  readonly table: Rows<Reservation>;

  constructor(database: MemoryDatabase, unitOfWork: UnitOfWork, outbox: Outbox, clock: SimulatedClock) {
    super(unitOfWork, outbox);
    this.table = new Rows(database, outbox, clock, Reservation);
  }

  override async open(_tx: EntityManager, orderId: string): Promise<void> {
    if (!this.table.rows.has(orderId)) {
      await this.table.insert(Reservation.open(orderId));
    }
  }

  override update(id: string, change: Change<Reservation>): Promise<Reservation> {
    return this.table.update(id, change, () => this.notFound(id));
  }
}

/** Where the units of a product are. */
export interface StockRow {
  readonly initial: number;
  readonly available: number;
  readonly reserved: number;
  readonly sold: number;
}

const targets = { reserve: 'reserved', ship: 'sold', release: 'available' } as const;

export class MemoryStock extends StockRepository {
  readonly rows: Map<string, StockRow>;

  constructor(
    private readonly database: MemoryDatabase,
    units: Readonly<Record<string, number>>,
  ) {
    super();
    const row = (initial: number): StockRow => ({ initial, available: initial, reserved: 0, sold: 0 });
    this.rows = new Map(Object.entries(units).map(([productId, initial]) => [productId, row(initial)]));
  }

  protected override async lockLevels(): Promise<ReadonlyMap<string, StockLevel>> {
    return new Map([...this.rows].map(([id, { available }]) => [id, { available, archived: false }]));
  }

  protected override async move(_tx: EntityManager, movement: Movement, lines: readonly StockLine[]): Promise<void> {
    for (const { productId, quantity } of lines) {
      if ((this.rows.get(productId)?.[sources[movement]] ?? 0) < quantity) {
        throw new Error(`stock: ${movement}`);
      }
      this.shift(movement, productId, quantity);
    }
  }

  protected shift(movement: Movement, productId: string, quantity: number): void {
    const row = this.rows.get(productId);
    if (!row) {
      throw new Error(`there is no stock of ${productId}`);
    }
    const [from, to] = [sources[movement], targets[movement]];
    this.database.put(this.rows, productId, { ...row, [from]: row[from] - quantity, [to]: row[to] + quantity });
  }
}
