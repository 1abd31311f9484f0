import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';
import { configureLogger, Deadline, runInContext } from '@rookery/platform';
import { eventually, testDatabase, type TestDatabase } from '@rookery/testing';
import { AuditTrail } from './audit-trail';
import { connect } from './connect';
import { dataSourceOptions } from './data-source-options';
import { createOpsAudit, dropOpsAudit } from './migrations';

configureLogger('test', 'silent');

class CreateAudit1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createOpsAudit(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropOpsAudit(runner);
  }
}

describe('AuditTrail', () => {
  const migrations = [CreateAudit1700000000000];
  const act = { subject: 'olga', clientId: 'cli', action: 'replay-dead-letter', target: 'orders-1' };
  let database: TestDatabase;
  let dataSource: DataSource;

  beforeAll(async () => {
    database = await testDatabase('audit', { migrations });
    dataSource = await connect(dataSourceOptions({ url: database.url, entities: [], migrations }));
  });
  beforeEach(() => database.query('DELETE FROM ops_audit'));
  afterAll(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  const around = (work: () => Promise<{ readonly outcome: string }>, deadline?: Deadline) =>
    runInContext({ correlationId: 'correlation-1', traceparent: '', deadline }, () =>
      new AuditTrail(dataSource).around(act, work),
    );
  const rows = () =>
    database.query(
      `SELECT subject, client_id, action, target, correlation_id, outcome, ended_at >= begun_at AS ended FROM ops_audit`,
    );
  const noted = {
    subject: 'olga',
    client_id: 'cli',
    action: 'replay-dead-letter',
    target: 'orders-1',
    correlation_id: 'correlation-1',
  };

  it('records actor and action beforehand, and the outcome afterwards', async () => {
    let before: unknown;
    await around(async () => {
      before = await rows();
      return { outcome: 'handled' };
    });
    expect(before).toEqual([{ ...noted, outcome: null, ended: null }]);
    expect(await rows()).toEqual([{ ...noted, outcome: 'handled', ended: true }]);
  });

  it('records a failure by its code, never its text, and rethrows it', async () => {
    const failed = around(() => Promise.reject(new Error('secret detail')));
    await expect(failed).rejects.toThrow('secret detail');
    expect(await rows()).toEqual([{ ...noted, outcome: 'internal', ended: true }]);
  });

  it('records the outcome of an action that ended after its deadline', async () => {
    const deadline = Deadline.in(300);
    await around(async () => {
      await eventually(() => expect(deadline.hasPassed).toBe(true));
      return { outcome: 'handled' };
    }, deadline);
    expect(await rows()).toEqual([{ ...noted, outcome: 'handled', ended: true }]);
  });

  it('prevents an action that cannot be recorded', async () => {
    await database.query('ALTER TABLE ops_audit RENAME TO ops_audit_away');
    let done = false;
    const refused = around(() => {
      done = true;
      return Promise.resolve({ outcome: 'handled' });
    });
    await expect(refused).rejects.toThrow('ops_audit');
    expect(done).toBe(false);
    await database.query('ALTER TABLE ops_audit_away RENAME TO ops_audit');
  });
});
