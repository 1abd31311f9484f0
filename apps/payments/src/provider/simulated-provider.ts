import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { RecordRange } from '@rookery/contracts';
import { GroupCommit, SharedStatement, UnitOfWork } from '@rookery/persistence';
import {
  type Authorization,
  type AuthorizationRequest,
  type ChargeRequest,
  type LedgerEntry,
  PaymentProvider,
} from './payment-provider';

const SLOW_MS = 2_000;

/** The states of a simulated charge. */
export type ChargeState = 'authorized' | 'payment-declined' | 'insufficient-funds' | 'voided' | 'captured' | 'refunded';

interface ChargeRow {
  readonly orderId: string;
  readonly state: ChargeState;
  readonly amountMinor: string;
  readonly currency: string;
}

/** The outcomes by token; any other token is declined. */
const decisions: ReadonlyMap<string, ChargeState> = new Map([
  ['tok_ok', 'authorized'],
  ['tok_slow', 'authorized'],
  ['tok_timeout_then_ok', 'authorized'],
  ['tok_insufficient_funds', 'insufficient-funds'],
]);

/** The provider's decision on the first use of a token. */
export const decisionOf = (token: string): ChargeState => decisions.get(token) ?? 'payment-declined';

/** The simulator failed to answer, on purpose or because the request is impossible. */
export class SimulatedProviderError extends Error {
  constructor(message: string) {
    super(`simulated provider: ${message}`);
    this.name = 'SimulatedProviderError';
  }
}

/**
 * A provider whose answers depend on the payment token. Its ledger is in the schema `simulator`, one row per charge, written
 * outside our transactions, so that they cannot roll it back: like a real provider's, it keeps a charge that we
 * lost. Two charges of one order would be two rows.
 */
@Injectable()
export class SimulatedProvider extends PaymentProvider {
  // Requests of the same moment are written together, in transactions of the provider's own.
  private readonly commit: GroupCommit;
  private readonly charged = new SharedStatement((tx, requests: readonly AuthorizationRequest[]) =>
    charge(tx, requests),
  );
  private readonly moved = new SharedStatement((tx, moves: readonly Move[]) => move(tx, moves));

  constructor(private readonly dataSource: DataSource) {
    super();
    this.commit = new GroupCommit(new UnitOfWork(dataSource), { reserved: false });
  }

  override async authorize(request: AuthorizationRequest, signal: AbortSignal): Promise<Authorization> {
    const { token } = request;
    if (token === 'tok_error') {
      throw new SimulatedProviderError('out of order');
    }
    if (token === 'tok_slow') {
      await delay(SLOW_MS, undefined, { signal });
    }
    const charge = await this.commit.run((tx) => this.charged.run(tx, request));
    if (charge.first && token === 'tok_timeout_then_ok') {
      throw new SimulatedProviderError('the answer was lost');
    }
    return authorizationOf(charge.state);
  }

  override async capture({ key, authorizationKey }: ChargeRequest): Promise<void> {
    await this.move(authorizationKey, 'authorized', 'captured', key);
  }

  override async void({ authorizationKey }: ChargeRequest): Promise<void> {
    // A void that overtakes its authorization leaves a row, so that the authorization finds the key used up.
    const rows = await this.dataSource.query<unknown[]>(
      `INSERT INTO simulator.charges (key, state) VALUES ($1, 'voided')
       ON CONFLICT (key) DO UPDATE SET state = CASE WHEN charges.state = 'authorized' THEN 'voided' ELSE charges.state END
         WHERE charges.state NOT IN ('captured', 'refunded')
       RETURNING key`,
      [authorizationKey],
    );
    if (rows.length === 0) {
      throw new SimulatedProviderError(`charge ${authorizationKey} was captured and cannot be voided`);
    }
  }

  override async refund({ key, authorizationKey }: ChargeRequest): Promise<void> {
    await this.move(authorizationKey, 'captured', 'refunded', key);
  }

  override async find(authorizationKey: string): Promise<Authorization | null> {
    const [charge] = await this.dataSource.query<{ state: ChargeState }[]>(
      'SELECT state FROM simulator.charges WHERE key = $1',
      [authorizationKey],
    );
    return charge ? authorizationOf(charge.state) : null;
  }

  override async ledger({ after, upTo, limit }: RecordRange): Promise<readonly LedgerEntry[]> {
    const charges = await this.dataSource.query<ChargeRow[]>(
      `SELECT order_id AS "orderId", state, amount_minor AS "amountMinor", currency FROM simulator.charges
       WHERE order_id > $1 AND order_id <= coalesce(
         (SELECT DISTINCT order_id FROM simulator.charges WHERE order_id > $1 AND order_id <= $2
          ORDER BY order_id OFFSET $3 - 1 LIMIT 1), $2)
       ORDER BY order_id, key`,
      [after, upTo, limit],
    );
    return charges.map(({ orderId, state, amountMinor, currency }) => ({
      orderId,
      state: state === 'payment-declined' || state === 'insufficient-funds' ? 'declined' : state,
      amount: { amountMinor: Number(amountMinor), currency },
    }));
  }

  private async move(authorizationKey: string, from: ChargeState, to: ChargeState, key: string): Promise<void> {
    const moved = await this.commit.run((tx) => this.moved.run(tx, { authorizationKey, from, to }));
    if (!moved) {
      throw new SimulatedProviderError(`${key}: charge ${authorizationKey} is not ${from}`);
    }
  }
}

interface Charge {
  readonly key: string;
  readonly state: ChargeState;
  /** Whether this request made it. */
  readonly first: boolean;
}

interface Move {
  readonly authorizationKey: string;
  readonly from: ChargeState;
  readonly to: ChargeState;
}

/** An update that changes nothing returns the row of an earlier request with the same key. */
async function charge(tx: EntityManager, requests: readonly AuthorizationRequest[]): Promise<(Charge | Error)[]> {
  const charges = await tx.query<Charge[]>(
    `INSERT INTO simulator.charges AS known (key, order_id, amount_minor, currency, state)
       SELECT key, order_id, amount_minor, currency, state
       FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::text[], $5::text[]) AS request (key, order_id, amount_minor, currency, state)
       ORDER BY key
     ON CONFLICT (key) DO UPDATE SET state = known.state RETURNING key, state, xmax = 0 AS first`,
    [
      requests.map(({ key }) => key),
      requests.map(({ orderId }) => orderId),
      requests.map(({ amount }) => amount.amountMinor),
      requests.map(({ amount }) => amount.currency),
      requests.map(({ token }) => decisionOf(token)),
    ],
  );
  const byKey = new Map(charges.map((made) => [made.key, made]));
  return requests.map(({ key }) => byKey.get(key) ?? new SimulatedProviderError(`charge ${key} was not kept`));
}

/** Whether each charge is, or was already, where it was to go. */
async function move(tx: EntityManager, moves: readonly Move[]): Promise<boolean[]> {
  const [rows] = await tx.query<[{ key: string }[], number]>(
    `UPDATE simulator.charges AS charge SET state = move.target
     FROM unnest($1::text[], $2::text[], $3::text[]) AS move (key, source, target)
     WHERE charge.key = move.key AND charge.state IN (move.source, move.target) RETURNING charge.key`,
    [moves.map(({ authorizationKey }) => authorizationKey), moves.map(({ from }) => from), moves.map(({ to }) => to)],
  );
  const moved = new Set(rows.map(({ key }) => key));
  return moves.map(({ authorizationKey }) => moved.has(authorizationKey));
}

/** The provider's answer for a charge. */
export function authorizationOf(state: ChargeState): Authorization {
  switch (state) {
    case 'authorized':
    case 'captured':
    case 'refunded':
      return { kind: 'authorized' };
    case 'voided':
      return { kind: 'declined', reason: 'payment-error' };
    case 'payment-declined':
    case 'insufficient-funds':
      return { kind: 'declined', reason: state };
  }
}
