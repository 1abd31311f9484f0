import { explainOldNode, explainStartFailure, UnusableSetting } from './start-failure';

const config = {
  LOG_LEVEL: 'info',
  HOST: '127.0.0.1',
  PORT: 3003,
  SHUTDOWN_GRACE_SECONDS: 10,
  DATABASE_URL: 'postgres://orders:hunter2@127.0.0.1:5433/orders',
  NATS_URL: 'nats://127.0.0.1:4223',
} as const;
const explain = (error: unknown) => explainStartFailure('orders', error, config);
const failure = (message: string, fields: object) => Object.assign(new Error(message), fields);

describe('the line about a failed start', () => {
  it.each([
    ['a taken port', failure('listen', { code: 'EADDRINUSE' }), 'port 3003 is taken.'],
    ['an address of another machine', failure('listen', { code: 'EADDRNOTAVAIL' }), 'Set HOST and PORT'],
    ['a refused database log-in', failure('auth failed', { code: '28P01' }), 'DATABASE_URL'],
    ['a missing database', failure('does not exist', { code: '3D000' }), 'DATABASE_URL'],
    ['a database that lacks migrations', failure('lacks', { code: 'MIGRATIONS_PENDING' }), 'Run the migrations'],
    [
      'a database that takes no writes',
      failure('cannot execute INSERT in a read-only transaction', { code: '25006', severity: 'ERROR' }),
      'takes no writes now',
    ],
    [
      'a pooler that does not know the database',
      failure('no such database: orders', { code: '08P01', severity: 'FATAL' }),
      'refuses the session: no such database: orders',
    ],
    ['a statement that fails', failure('syntax error', { code: '42601', severity: 'ERROR' }), 'see the error above.'],
    ['missing tables', failure('relation', { code: '42P01' }), 'Run the migrations'],
    [
      'a database that is not there',
      failure('connect', { code: 'ECONNREFUSED', port: 5433 }),
      'no database answers on port 5433',
    ],
    ['a broker that is not there', failure('connect', { code: 'ECONNREFUSED', port: 4223 }), 'correct NATS_URL'],
    [
      'a wrapped cause',
      new Error('x', { cause: new AggregateError([failure('c', { code: 'ECONNREFUSED', port: 5433 })]) }),
      'correct DATABASE_URL',
    ],
    ['a broker that refuses', failure('Authorization Violation', { name: 'AuthorizationError' }), 'NATS_NKEY_SEED'],
    [
      'a setting that cannot be used',
      new UnusableSetting('ROUTES: no host x. Mend it.'),
      'ROUTES: no host x. Mend it.',
    ],
    ['anything else', new Error('odd'), 'see the error above.'],
  ])('names what to mend for %s', (_what, error, text) => {
    expect(explain(error)).toContain(text);
    expect(explain(error)).toMatch(/^orders cannot start: /);
    expect(explain(error)).not.toContain('hunter2');
  });
});

describe('the line about an old Node', () => {
  it('names the version that is needed and the one that runs', () => {
    expect(explainOldNode('orders', '20.20.2')).toBe(
      'orders cannot start: it needs Node 24 or newer, this is Node 20.20.2.',
    );
  });

  it.each(['24.0.0', '26.1.0'])('is not written for Node %s', (version) => {
    expect(explainOldNode('orders', version)).toBeUndefined();
  });
});
