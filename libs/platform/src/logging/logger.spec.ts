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
