import { contextFrom, currentContext, isOperator, requireContext, runInContext } from './request-context';
import { childTraceparent, newTraceparent, traceIdOf } from './trace-context';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const parent = `00-${TRACE}-00f067aa0ba902b7-01`;

describe('the request context', () => {
  it('goes with the work it was opened for, and no other', async () => {
    const idOfWork = async (correlationId: string) =>
      runInContext({ correlationId, traceparent: newTraceparent() }, async () => {
        await Promise.resolve();
        return requireContext().correlationId;
      });
    expect(await Promise.all([idOfWork('first-01'), idOfWork('second-2')])).toEqual(['first-01', 'second-2']);
    expect(currentContext()).toBeUndefined();
    expect(() => requireContext()).toThrow('no request context');
  });

  it('takes over a well-formed correlation id and replaces any other', () => {
    expect(contextFrom({ correlationId: 'abc-DEF_1.2' }).correlationId).toBe('abc-DEF_1.2');
    for (const correlationId of [undefined, '', 'short', 'has space in it', 'line\nbreak-xxxx', 'x'.repeat(129)]) {
      expect(contextFrom({ correlationId }).correlationId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    }
  });

  it('continues a valid trace in a new span', () => {
    const child = childTraceparent(parent);
    expect(traceIdOf(child)).toBe(TRACE);
    expect(child).not.toBe(parent);
    expect(childTraceparent(`${parent.slice(0, -2)}00`)).toMatch(/-00$/);
  });

  it.each([
    ['nothing', undefined],
    ['an empty one', ''],
    ['version ff', `ff-${TRACE}-00f067aa0ba902b7-01`],
    ['a zero trace id', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
    ['a zero span id', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['capitals', parent.toUpperCase()],
    ['text behind it', `${parent}-more`],
  ])('starts a new trace for %s', (_what, traceparent) => {
    expect(traceIdOf(traceparent)).toBeNull();
    expect(traceIdOf(childTraceparent(traceparent))).toMatch(/^[0-9a-f]{32}$/);
    expect(traceIdOf(childTraceparent(traceparent))).not.toBe(TRACE);
  });

  it('knows operators by their role', () => {
    const actor = { subject: 's', issuer: 'i', clientId: null, scopes: [], roles: ['operator'] };
    expect(isOperator(actor)).toBe(true);
    expect(isOperator({ ...actor, roles: ['customer'] })).toBe(false);
    expect(isOperator(undefined)).toBe(false);
  });
});
