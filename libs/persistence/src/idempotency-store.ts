import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import {
  Idempotency,
  IdempotencyKeyInUse,
  IdempotencyKeyReused,
  KeyedAnswer,
  type KeyedRequest,
  requireContext,
  runInContext,
} from '@rookery/platform';
import { GroupCommit } from './group-commit';
import { Retention } from './retention';
import { SharedStatement } from './shared-statement';
import { UnitOfWork } from './unit-of-work';
import { writeRowLater } from './write-later';

interface StoredAnswer {
  readonly fingerprint: string;
  readonly response: string;
}

/** Placeholder of the answer while the work runs. The empty text is not JSON, so no answer can equal it. */
const RUNNING = '';
/** How long a key stays in use after its process died: longer than the time limit of a request (`RpcServer`). */
const RUNNING_SECONDS = 60;
const RETENTION_SECONDS = Retention.answersHours * 3_600;

/**
 * Stores the answers to idempotency keys for 24 hours, by the database's clock. It stores successes only: after a rejection or a failure nothing
 * happened that a retry could duplicate, so the key is free again.
 *
 * @example
 * return this.idempotency.once(keyedRequest(placeOrder, request), (tx) => this.orders.place(tx, request));
 */
@Injectable()
export class IdempotencyStore extends Idempotency {
  private readonly commit = new GroupCommit(this.unitOfWork, { reserved: false });
  private readonly claimed = new SharedStatement<string, boolean>(async (tx, keys) => {
    const rows = await tx.query<{ claimed: boolean }[]>(CLAIM, [keys]);
    return rows.map(({ claimed }) => claimed);
  });
  private readonly stored = new SharedStatement<string[], StoredAnswer | undefined>(async (tx, keys) => {
    const columns = [0, 1, 2, 3].map((column) => keys.map((key) => key[column]));
    const rows = await tx.query<(StoredAnswer & { readonly place: string })[]>(FIND, columns);
    const byPlace = new Map(rows.map((row) => [Number(row.place), row]));
    return keys.map((_, index) => byPlace.get(index + 1));
  });

  constructor(private readonly unitOfWork: UnitOfWork) {
    super();
  }

  /**
   * Executes a change once and stores its answer in the same transaction, which the change joins through `UnitOfWork`. Nothing is stored when
   * the change throws.
   * @throws {IdempotencyKeyInUse} 409: the same request is in progress; the second one does not wait for it
   * @throws {IdempotencyKeyReused} 422: the key was used for another request
   */
  once<Answer>(
    request: KeyedRequest<Answer>,
    change: (tx: EntityManager) => Promise<Answer>,
  ): Promise<KeyedAnswer<Answer>> {
    return this.unitOfWork.run((tx) => this.onceIn(tx, request, change));
  }

  /**
   * Like `once`, for a change with a preparation that no transaction should wait for: a call of another service, a hash. A stored answer skips
   * the preparation. Two concurrent requests may both prepare; one of them executes the change. Under load the transaction is shared with
   * other requests (`GroupCommit`).
   */
  async onceAfter<Answer, Prepared>(
    request: KeyedRequest<Answer>,
    prepare: () => Promise<Prepared>,
    change: (prepared: Prepared, tx: EntityManager) => Promise<Answer>,
  ): Promise<KeyedAnswer<Answer>> {
    const earlier = await this.find(this.unitOfWork.manager, request);
    if (earlier !== undefined) {
      return earlier;
    }
    const prepared = await prepare();
    return this.commit.run((tx) => this.onceIn(tx, request, (joined) => change(prepared, joined)));
  }

  async act<Answer>(request: KeyedRequest<Answer>, work: () => Promise<Answer>): Promise<KeyedAnswer<Answer>> {
    const earlier = await this.unitOfWork.run(async (tx) => {
      const [, found] = await Promise.all([this.claim(tx, request), this.find(tx, request)]);
      if (found === undefined) {
        await this.store(tx, request, RUNNING, RUNNING_SECONDS);
      }
      return found;
    });
    if (earlier !== undefined) {
      return earlier;
    }
    try {
      const answer = await work();
      await ignoringDeadline(() =>
        this.store(this.unitOfWork.manager, request, JSON.stringify(answer), RETENTION_SECONDS),
      );
      return new KeyedAnswer(answer, false);
    } catch (error) {
      // If this fails too, the key is free after a minute.
      await ignoringDeadline(() => this.release(request)).catch(() => undefined);
      throw error;
    }
  }

  /**
   * Deletes expired answers, at most `limit` rows.
   * @returns the number of deleted rows
   */
  async deleteExpired(limit: number): Promise<number> {
    const [, count] = await this.unitOfWork.manager.query<[unknown[], number]>(DELETE_EXPIRED_ANSWERS, [limit]);
    return count;
  }

  /** A lock does not separate requests of one transaction: those with the same key take turns, and the second one finds the answer. */
  private onceIn<Answer>(
    tx: EntityManager,
    request: KeyedRequest<Answer>,
    change: (tx: EntityManager) => Promise<Answer>,
  ): Promise<KeyedAnswer<Answer>> {
    return this.unitOfWork.inTurn(lockNameOf(request), async () => {
      // All three travel together; the change asks for the time.
      const [, earlier] = await Promise.all([this.claim(tx, request), this.find(tx, request), this.unitOfWork.now()]);
      if (earlier !== undefined) {
        return earlier;
      }
      const answer = await change(tx);
      await this.store(tx, request, JSON.stringify(answer), RETENTION_SECONDS);
      return new KeyedAnswer(answer, false);
    });
  }

  /** Locks the key until the end of the transaction. A lock fails at once where an inserted row would wait for the unique index. */
  private async claim(tx: EntityManager, request: KeyedRequest<unknown>): Promise<void> {
    if (!(await this.claimed.run(tx, lockNameOf(request)))) {
      throw new IdempotencyKeyInUse(request.service);
    }
  }

  private async find<Answer>(
    tx: EntityManager,
    request: KeyedRequest<Answer>,
  ): Promise<KeyedAnswer<Answer> | undefined> {
    const stored = await this.stored.run(tx, primaryKeyOf(request));
    if (stored === undefined) {
      return undefined;
    }
    if (stored.fingerprint !== request.fingerprint) {
      throw new IdempotencyKeyReused(request.service);
    }
    if (stored.response === RUNNING) {
      throw new IdempotencyKeyInUse(request.service);
    }
    return new KeyedAnswer(request.answer.parse(JSON.parse(stored.response)), true);
  }

  private async store(
    tx: EntityManager,
    request: KeyedRequest<unknown>,
    response: string,
    seconds: number,
  ): Promise<void> {
    await writeRowLater(tx, STORE, [...primaryKeyOf(request), request.fingerprint, response, seconds]);
  }

  private async release(request: KeyedRequest<unknown>): Promise<void> {
    await this.unitOfWork.manager.query(
      `DELETE FROM idempotency_key
       WHERE issuer = $1 AND subject = $2 AND client_id = $3 AND key = $4 AND response = '${RUNNING}'`,
      primaryKeyOf(request),
    );
  }
}

const CLAIM = `SELECT pg_try_advisory_xact_lock(hashtextextended(name, 0)) AS claimed
  FROM unnest($1::text[]) WITH ORDINALITY AS request (name, place) ORDER BY place`;

/** With a limit, so that the key finds the row: by the index of `expires_at` all stored answers would be read. */
const FIND = `SELECT place, fingerprint, response
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS request (issuer, subject, client_id, key, place)
  CROSS JOIN LATERAL (
    SELECT fingerprint, response, expires_at FROM idempotency_key AS stored
    WHERE (issuer, subject, client_id, key) = (request.issuer, request.subject, request.client_id, request.key) LIMIT 1
  ) AS answer WHERE expires_at > now()`;

const STORE = `INSERT INTO idempotency_key (issuer, subject, client_id, key, fingerprint, response, expires_at)
  SELECT issuer, subject, client_id, key, fingerprint, response, now() + make_interval(secs => seconds)
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float8[])
    AS answer (issuer, subject, client_id, key, fingerprint, response, seconds)
  ON CONFLICT ON CONSTRAINT idempotency_key_pk DO UPDATE
    SET fingerprint = excluded.fingerprint, response = excluded.response, expires_at = excluded.expires_at`;

/** Deletes at most `$1` expired answers. */
export const DELETE_EXPIRED_ANSWERS = `DELETE FROM idempotency_key WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM idempotency_key WHERE expires_at <= now() LIMIT $1))`;

const primaryKeyOf = ({ owner: { issuer, subject, clientId }, key }: KeyedRequest<unknown>): string[] => [
  issuer,
  subject,
  clientId,
  key,
];

const lockNameOf = (request: KeyedRequest<unknown>): string => JSON.stringify(primaryKeyOf(request));

/** Finished work is recorded even after the deadline of its request. */
const ignoringDeadline = <Result>(record: () => Promise<Result>): Promise<Result> =>
  runInContext({ ...requireContext(), deadline: undefined }, record);
