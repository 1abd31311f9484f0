import { Injectable } from '@nestjs/common';
import {
  Idempotency,
  IdempotencyKeyInUse,
  IdempotencyKeyReused,
  KeyedAnswer,
  type KeyedRequest,
  requireContext,
  runInContext,
} from '@rookery/platform';
import type { EntityManager } from 'typeorm';
import { Retention } from './retention';
import { UnitOfWork } from './unit-of-work';

interface StoredAnswer {
  readonly fingerprint: string;
  readonly response: string;
}

/** Stands for the answer of work that is not done yet. No answer is the empty text: it would be no JSON. */
const RUNNING = '';
/** How long a key stays in use when the process died: longer than a request may take (`RpcServer`). */
const RUNNING_SECONDS = 60;
const KEPT_SECONDS = Retention.answersHours * 3_600;

/**
 * The answers given under idempotency keys, for 24 hours, as the database's clock has it. Only a success is kept: after a refusal or
 * a failure the key is free again, because nothing happened that a second try could double.
 */
@Injectable()
export class IdempotencyStore extends Idempotency {
  constructor(private readonly unitOfWork: UnitOfWork) {
    super();
  }

  /**
   * Makes a change once and stores its answer in the same transaction; what the change does through `UnitOfWork` joins it. The same
   * request while this one runs is refused at once instead of waiting.
   * @throws IdempotencyKeyInUse (409), IdempotencyKeyReused (422), and what the change throws: then nothing is stored
   */
  once<Answer>(
    request: KeyedRequest<Answer>,
    change: (tx: EntityManager) => Promise<Answer>,
  ): Promise<KeyedAnswer<Answer>> {
    return this.unitOfWork.run(async (tx) => {
      await this.claim(tx, request);
      const earlier = await this.find(tx, request);
      if (earlier !== undefined) return earlier;
      const answer = await change(tx);
      await this.store(tx, request, JSON.stringify(answer), KEPT_SECONDS);
      return new KeyedAnswer(answer, false);
    });
  }

  /**
   * As `once`, for a change that needs something first for which no transaction should wait: another service's answer, a hash. It is
   * not needed for an answer that is stored already. Two requests at the same time may both prepare; one of them changes.
   */
  async onceAfter<Answer, Prepared>(
    request: KeyedRequest<Answer>,
    prepare: () => Promise<Prepared>,
    change: (prepared: Prepared, tx: EntityManager) => Promise<Answer>,
  ): Promise<KeyedAnswer<Answer>> {
    const earlier = await this.find(this.unitOfWork.manager, request);
    if (earlier !== undefined) return earlier;
    const prepared = await prepare();
    return this.once(request, (tx) => change(prepared, tx));
  }

  async act<Answer>(request: KeyedRequest<Answer>, work: () => Promise<Answer>): Promise<KeyedAnswer<Answer>> {
    const earlier = await this.unitOfWork.run(async (tx) => {
      await this.claim(tx, request);
      const found = await this.find(tx, request);
      if (found === undefined) await this.store(tx, request, RUNNING, RUNNING_SECONDS);
      return found;
    });
    if (earlier !== undefined) return earlier;
    try {
      const answer = await work();
      await whateverTheDeadline(() =>
        this.store(this.unitOfWork.manager, request, JSON.stringify(answer), KEPT_SECONDS),
      );
      return new KeyedAnswer(answer, false);
    } catch (error) {
      // When this fails too, the key is free in a minute.
      await whateverTheDeadline(() => this.release(request)).catch(() => undefined);
      throw error;
    }
  }

  /** Deletes what has expired, so many rows at most; returns how many it were. */
  async forgetOld(limit: number): Promise<number> {
    const [, count] = await this.unitOfWork.manager.query<[unknown[], number]>(FORGET_EXPIRED_ANSWERS, [limit]);
    return count;
  }

  /** Holds the key until the end of the transaction. A lock and no row: it answers at once where the unique index would wait. */
  private async claim(tx: EntityManager, { service, owner, key }: KeyedRequest<unknown>): Promise<void> {
    const { issuer, subject, clientId } = owner;
    const claimed = await tx.query<unknown[]>('SELECT WHERE pg_try_advisory_xact_lock(hashtextextended($1, 0))', [
      JSON.stringify([issuer, subject, clientId, key]),
    ]);
    if (claimed.length === 0) throw new IdempotencyKeyInUse(service);
  }

  private async find<Answer>(
    tx: EntityManager,
    request: KeyedRequest<Answer>,
  ): Promise<KeyedAnswer<Answer> | undefined> {
    const [stored] = await tx.query<StoredAnswer[]>(
      `SELECT fingerprint, response FROM idempotency_key
       WHERE issuer = $1 AND subject = $2 AND client_id = $3 AND key = $4 AND expires_at > now()`,
      primaryKeyOf(request),
    );
    if (stored === undefined) return undefined;
    if (stored.fingerprint !== request.fingerprint) throw new IdempotencyKeyReused(request.service);
    if (stored.response === RUNNING) throw new IdempotencyKeyInUse(request.service);
    return new KeyedAnswer(request.answer.parse(JSON.parse(stored.response)), true);
  }

  private async store(
    tx: EntityManager,
    request: KeyedRequest<unknown>,
    response: string,
    seconds: number,
  ): Promise<void> {
    await tx.query(
      `INSERT INTO idempotency_key (issuer, subject, client_id, key, fingerprint, response, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
       ON CONFLICT ON CONSTRAINT idempotency_key_pk DO UPDATE
         SET fingerprint = excluded.fingerprint, response = excluded.response, expires_at = excluded.expires_at`,
      [...primaryKeyOf(request), request.fingerprint, response, seconds],
    );
  }

  private async release(request: KeyedRequest<unknown>): Promise<void> {
    await this.unitOfWork.manager.query(
      `DELETE FROM idempotency_key
       WHERE issuer = $1 AND subject = $2 AND client_id = $3 AND key = $4 AND response = '${RUNNING}'`,
      primaryKeyOf(request),
    );
  }
}

/** Expired answers, `$1` of them at most. */
export const FORGET_EXPIRED_ANSWERS = `DELETE FROM idempotency_key WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM idempotency_key WHERE expires_at <= now() LIMIT $1))`;

const primaryKeyOf = ({ owner: { issuer, subject, clientId }, key }: KeyedRequest<unknown>): string[] => [
  issuer,
  subject,
  clientId,
  key,
];

/** The work is over: what came of it is noted also after the deadline of its request. */
const whateverTheDeadline = <Result>(note: () => Promise<Result>): Promise<Result> =>
  runInContext({ ...requireContext(), deadline: undefined }, note);
