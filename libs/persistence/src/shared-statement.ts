import DataLoader from 'dataloader';
import type { EntityManager } from 'typeorm';

/**
 * A statement that callers in the same transaction share: what they request in the same turn of the event loop is executed together. So the
 * effects of a group cost one round trip and not one each, and no caller knows of the others. A request alone is not delayed.
 *
 * @example
 * private readonly lock = new SharedStatement<string, Row | undefined>(async (tx, ids) => {
 *   const rows = await tx.query<Row[]>('SELECT … WHERE id = ANY($1) FOR UPDATE', [ids]);
 *   return ids.map((id) => rows.find((row) => row.id === id));
 * });
 */
export class SharedStatement<Request, Result> {
  private readonly transactions = new WeakMap<EntityManager, DataLoader<Request, Result>>();

  /** @param execute resolves to one result, or one error, per request, in their order */
  constructor(
    private readonly execute: (tx: EntityManager, requests: readonly Request[]) => Promise<readonly (Result | Error)[]>,
  ) {}

  /** @throws {unknown} the error of this request, or of the statement for all */
  run(tx: EntityManager, request: Request): Promise<Result> {
    let requests = this.transactions.get(tx);
    if (requests === undefined) {
      requests = new DataLoader((all) => this.execute(tx, all), { cache: false });
      this.transactions.set(tx, requests);
    }
    return requests.load(request);
  }
}
