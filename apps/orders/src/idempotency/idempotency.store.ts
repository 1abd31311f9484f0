import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Actor } from '@rookery/platform';
import { DataSource, type EntityManager, Raw } from 'typeorm';
import { IdempotencyKey } from './idempotency-key.entity';
import { IdempotencyKeyMalformed, IdempotencyKeyReused } from './idempotency.errors';

/** One request under its caller's key: what a second request is compared with. */
export interface KeyedRequest {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly key: string;
  readonly fingerprint: string;
}

const VISIBLE_ASCII = /^[\x21-\x7e]{8,255}$/;
const KEPT_HOURS = 24;
const PRUNE_PORTION = 1_000;

/**
 * Names a request by its caller and key (two callers never share one) and takes the fingerprint of operation and body.
 * `body` is the parsed request, whose fields come in the schema's order however they were sent.
 */
export function keyedRequest(actor: Actor, key: string | undefined, operation: string, body: unknown): KeyedRequest {
  if (key === undefined || !VISIBLE_ASCII.test(key)) throw new IdempotencyKeyMalformed();
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([operation, body]))
    .digest('base64url');
  return { issuer: actor.issuer, subject: actor.subject, clientId: actor.clientId ?? '', key, fingerprint };
}

/**
 * The answers already given, by idempotency key, for 24 hours. Only a success is kept: after a refusal or a failure the
 * key is free again, because nothing happened that a second try could double.
 */
@Injectable()
export class IdempotencyStore {
  constructor(private readonly dataSource: DataSource) {}

  /** The first answer's text, or null while there is none; `IdempotencyKeyReused` when it belongs to another body. */
  async find({ fingerprint, ...key }: KeyedRequest): Promise<string | null> {
    const stored = await this.dataSource.manager.findOneBy(IdempotencyKey, {
      ...key,
      expiresAt: Raw((column) => `${column} > now()`),
    });
    if (!stored) return null;
    if (stored.fingerprint !== fingerprint) throw new IdempotencyKeyReused();
    return stored.response;
  }

  /**
   * Stores the answer in the transaction of the change itself. False when the key is taken, or is being taken by a
   * transaction still running: the advisory lock answers at once where the unique index alone would make it wait.
   */
  async claim(tx: EntityManager, request: KeyedRequest, response: string): Promise<boolean> {
    const { issuer, subject, clientId, key, fingerprint } = request;
    const claimed = await tx.query<readonly { key: string }[]>(
      `INSERT INTO idempotency_key (issuer, subject, client_id, key, fingerprint, response, expires_at)
       SELECT $1, $2, $3, $4, $5, $6, now() + make_interval(hours => $7) WHERE pg_try_advisory_xact_lock(hashtextextended($8, 0))
       ON CONFLICT ON CONSTRAINT idempotency_key_pk DO UPDATE
         SET fingerprint = excluded.fingerprint, response = excluded.response, expires_at = excluded.expires_at
         WHERE idempotency_key.expires_at <= now()
       RETURNING key`,
      [
        ...[issuer, subject, clientId, key, fingerprint, response],
        KEPT_HOURS,
        JSON.stringify([issuer, subject, clientId, key]),
      ],
    );
    return claimed.length > 0;
  }

  /** Deletes what has expired, in portions that end well within the statement timeout however much there is. */
  async prune(stopping?: AbortSignal): Promise<void> {
    let deleted: number;
    do {
      [, deleted] = await this.dataSource.query<[unknown[], number]>(
        `DELETE FROM idempotency_key WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM idempotency_key WHERE expires_at <= now() LIMIT ${PRUNE_PORTION}))`,
      );
    } while (deleted === PRUNE_PORTION && stopping?.aborted !== true);
  }
}
