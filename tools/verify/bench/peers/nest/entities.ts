import {
  Column,
  CreateDateColumn,
  Entity,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  type ValueTransformer,
} from 'typeorm';
import type { OrderedLine, WantedLine } from '../shop';

/** pg reads a bigint as text. */
const whole: ValueTransformer = { from: Number, to: (value: unknown) => value };

@Entity('products')
export class Product {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column('integer', { default: 1 })
  version!: number;

  @Column('text')
  sku!: string;

  @Column('text')
  name!: string;

  @Column('text', { nullable: true })
  description!: string | null;

  @Column('text', { nullable: true })
  category!: string | null;

  @Column('bigint', { name: 'price_minor', transformer: whole })
  priceMinor!: number;

  @Column('text')
  currency!: string;

  @Column('bigint', { transformer: whole })
  available!: number;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt!: Date;
}

@Entity('reservations')
export class Reservation {
  @PrimaryColumn('uuid', { name: 'order_id' })
  orderId!: string;

  @Column('jsonb')
  lines!: WantedLine[];

  @Column('text')
  status!: 'Reserved' | 'Shipped';
}

@Entity('orders')
export class Order {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column('integer', { default: 1 })
  version!: number;

  @Column('text', { name: 'customer_id' })
  customerId!: string;

  @Column('text')
  status!: 'Pending' | 'Confirmed' | 'Canceled';

  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('jsonb')
  lines!: OrderedLine[];

  @Column('bigint', { name: 'total_minor', transformer: whole })
  totalMinor!: number;

  @Column('text')
  currency!: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt!: Date;
}

@Entity('payments')
export class Payment {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'order_id' })
  orderId!: string;

  @Column('bigint', { name: 'amount_minor', transformer: whole })
  amountMinor!: number;

  @Column('text')
  currency!: string;

  @Column('text')
  status!: 'Reserved' | 'Captured' | 'Released';

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
