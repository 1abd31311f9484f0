import { ForbiddenException, HttpException } from '@nestjs/common';
import { Problem } from '@rookery/contracts';
import { runInContext } from '../context/request-context';
import { newTraceparent } from '../context/trace-context';
import {
  DeadlineExceeded,
  DomainError,
  InvalidInput,
  NotFound,
  RemoteProblem,
  ServiceUnavailable,
} from './domain-error';
import { toProblem } from './to-problem';

describe('the problem for what was thrown', () => {
  it('keeps the words of a refusal', () => {
    const stale = new DomainError({ status: 412, code: 'products.stale', title: 'Stale', detail: 'Read it again.' });
    expect(toProblem(stale)).toEqual({
      type: 'urn:rookery:problem:products.stale',
      title: 'Stale',
      status: 412,
      detail: 'Read it again.',
      code: 'products.stale',
    });
  });

  it('lists what is wrong with an input', () => {
    const errors = [{ pointer: '/lines/0/quantity', detail: 'too small' }];
    expect(toProblem(new InvalidInput(errors))).toMatchObject({ status: 400, code: 'request.invalid', errors });
  });

  it('names refusals by their class', () => {
    expect(new NotFound('orders.order-not-found', 'The order does not exist.').name).toBe('NotFound');
  });

  it('says when to try again', () => {
    expect(toProblem(new ServiceUnavailable())).toMatchObject({ status: 503, retryAfterSeconds: 1 });
    expect(toProblem(new DeadlineExceeded())).toMatchObject({ status: 504, code: 'deadline-exceeded' });
  });

  it('passes on the problem of another service unchanged', () => {
    const problem = toProblem(new InvalidInput([{ pointer: '/x', detail: 'is wrong' }]));
    expect(toProblem(new RemoteProblem(problem, 'orders'))).toEqual(problem);
    expect(toProblem(problem)).toEqual(problem);
  });

  it.each([
    ['an error', new Error('password=hunter2')],
    ['a text', 'password=hunter2'],
    ['nothing', undefined],
    ['an exception of status 500', new HttpException('password=hunter2', 500)],
  ])('says nothing about %s that nobody expected', (_what, thrown) => {
    const problem = toProblem(thrown);
    expect(problem).toMatchObject({ status: 500, code: 'internal' });
    expect(JSON.stringify(problem)).not.toContain('hunter2');
  });

  it('gives framework refusals codes of this system, not the framework’s words', () => {
    expect(toProblem(new ForbiddenException('Forbidden resource'))).toMatchObject({
      status: 403,
      code: 'auth.forbidden',
    });
    expect(toProblem(new HttpException('ThrottlerException: Too Many Requests', 429))).toMatchObject({
      code: 'request.too-many-requests',
      retryAfterSeconds: 1,
    });
  });

  it('carries the correlation id of the running request', () => {
    const problem = runInContext({ correlationId: 'corr-0001', traceparent: newTraceparent() }, () =>
      toProblem(new Error('x')),
    );
    expect(problem.correlationId).toBe('corr-0001');
    expect(Problem.safeParse(problem).success).toBe(true);
  });
});
