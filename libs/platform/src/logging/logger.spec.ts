import { z } from 'zod';
import { runInContext } from '../context/request-context';
import { createLogger } from './logger';

const Line = z.looseObject({ level: z.string(), service: z.string(), msg: z.string(), time: z.string() });

describe('a log line', () => {
  const logged = (write: (logger: ReturnType<typeof createLogger>) => void) => {
    const lines: string[] = [];
    write(createLogger('orders', 'info', { write: (line) => void lines.push(line) }));
    expect(lines).toHaveLength(1);
    const text = lines.join('');
    return { text, line: Line.parse(JSON.parse(text)) };
  };

  it('carries service, correlation id and trace id of the running request', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const { line } = runInContext({ correlationId: 'corr-0001', traceparent }, () =>
      logged((logger) => logger.info({ status: 200 }, 'request')),
    );
    expect(line).toMatchObject({
      level: 'info',
      service: 'orders',
      correlationId: 'corr-0001',
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      status: 200,
      msg: 'request',
    });
  });

  it('does not show what stands under the name of a secret', () => {
    const { text } = logged((logger) =>
      logger.info(
        {
          authorization: 'hunter2',
          headers: { cookie: 'hunter2', 'set-cookie': 'hunter2' },
          body: { card: { token: 'hunter2', paymentToken: 'hunter2' }, password: 'hunter2' },
        },
        'careless',
      ),
    );
    expect(text).not.toContain('hunter2');
    expect(text.match(/\[redacted\]/g)).toHaveLength(6);
  });

  it.each([
    ...['accessToken', 'refresh_token', 'id_token', 'client_secret', 'Authorization', 'passwordHash', 'code_verifier'],
    ...['DATABASE_URL', 'NATS_PASSWORD', 'cookies', 'clientCredentials', 'privateKey', 'client_assertion'],
  ])('does not show what stands under %s', (name) => {
    const { text } = logged((logger) => logger.info({ [name]: 'hunter2', body: { deep: { [name]: 'hunter2' } } }, 'x'));
    expect(text).not.toContain('hunter2');
  });

  it('shows what only sounds like a secret', () => {
    const fields = { code: 'orders.not-found', keyspace: 'k', subject: 'rpc.orders.place', idempotencyKeys: 3 };
    expect(logged((logger) => logger.info(fields, 'x')).line).toMatchObject(fields);
  });

  const signed = `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.c2ln`;
  it.each([
    ['a JWT', `refused ${signed}, sorry`, 'c2ln'],
    ['a bearer token', 'sent Authorization: Bearer Yx3Zr0lS2vQGm1n0pUe5R', 'Yx3Zr0lS2vQGm1n0pUe5R'],
    ['the password of an address', 'no answer from postgres://orders:hunter2@db:5432/orders', 'hunter2'],
  ])('does not repeat %s that a text holds, wherever the text stands', (_what, said, secret) => {
    const careless = new Error(said, { cause: new Error(said) });
    for (const write of [
      (logger: ReturnType<typeof createLogger>) => logger.info(said),
      (logger: ReturnType<typeof createLogger>) => logger.info({ reason: said }, 'x'),
      (logger: ReturnType<typeof createLogger>) => logger.info({ a: { b: { c: { d: [said] } } } }, 'x'),
      (logger: ReturnType<typeof createLogger>) => logger.error({ err: careless }, 'x'),
    ]) {
      const { text } = logged(write);
      expect(text).not.toContain(secret);
      expect(text).toContain('[redacted]');
    }
  });

  it('stays JSON with everything in it that is not a secret', () => {
    const fields = {
      url: 'http://localhost',
      mail: 'a:b@example.com',
      file: 'file:///tmp/x:1',
      basic: 'basic "things"',
    };
    expect(logged((logger) => logger.info(fields, 'postgres://db:5432/orders')).line).toMatchObject(fields);
  });

  it('has an error’s type, message, stack and causes, but none of its other fields', () => {
    const error = Object.assign(new Error('query failed', { cause: new Error('deadlock') }), {
      code: '40P01',
      parameters: ['hunter2'],
    });
    const { text, line } = logged((logger) => logger.error({ err: error }, 'failed'));
    expect(line).toMatchObject({
      err: { type: 'Error', message: 'query failed', code: '40P01', cause: { message: 'deadlock' } },
    });
    expect(text).toContain('logger.spec.ts');
    expect(text).not.toContain('hunter2');
  });
});
