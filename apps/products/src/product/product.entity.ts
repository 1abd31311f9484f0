import { Column, Entity } from 'typeorm';
import { type ChangeProduct, type CreateProduct, ProductChanged } from '@rookery/contracts';
import { AggregateRoot, bigintColumn } from '@rookery/persistence';
import { ProductNotFound } from './product.errors';

/** A product of the catalog. Its stock is a row of its own, so that edits and sales do not block each other. */
@Entity({ name: 'products' })
export class Product extends AggregateRoot {
  @Column({ type: 'text' })
  sku!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text', nullable: true })
  description!: string | null;

  @Column({ type: 'text', nullable: true })
  category!: string | null;

  @Column({ type: 'bigint', transformer: bigintColumn })
  priceMinor!: number;

  @Column({ type: 'text' })
  currency!: string;

  @Column({ type: 'timestamptz', nullable: true })
  archivedAt!: Date | null;

  static create(id: string, request: CreateProduct): Product {
    const product = Object.assign(new Product(), {
      id,
      sku: request.sku,
      name: request.name,
      description: request.description ?? null,
      category: request.category ?? null,
      priceMinor: request.price.amountMinor,
      currency: request.price.currency,
      archivedAt: null,
    } satisfies Partial<Product>);
    product.record(ProductChanged, { productId: id, version: 1, change: 'created' });
    return product;
  }

  /** Absent fields stay as they are; null clears. */
  change(change: ChangeProduct): void {
    this.refuseIfArchived();
    if (change.name !== undefined) {
      this.name = change.name;
    }
    if (change.description !== undefined) {
      this.description = change.description;
    }
    if (change.category !== undefined) {
      this.category = change.category;
    }
    if (change.price !== undefined) {
      this.priceMinor = change.price.amountMinor;
      this.currency = change.price.currency;
    }
    this.recordChange('changed');
  }

  /** The row stays for orders that have the product; only the catalog no longer shows it. */
  archive(now: Date): void {
    this.refuseIfArchived();
    this.archivedAt = now;
    this.recordChange('archived');
  }

  private refuseIfArchived(): void {
    if (this.archivedAt) {
      throw new ProductNotFound(this.id);
    }
  }

  /** The repository increments the version when it saves, so the event carries the next version. */
  private recordChange(change: 'changed' | 'archived'): void {
    this.record(ProductChanged, { productId: this.id, version: this.version + 1, change });
  }
}
