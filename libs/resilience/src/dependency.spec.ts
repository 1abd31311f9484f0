import {
  configureLogger,
  Deadline,
  DeadlineExceeded,
  Forbidden,
  Metrics,
  OVERLOADED,
  RemoteProblem,
} from '@rookery/platform';
import { eventually } from '@rookery/testing';
import { Dependency, type DependencyCall, type DependencyOptions } from './dependency';
import { NoResponder } from './dependency-errors';

configureLogger('test', 'silent');

const HALF_OPEN_AFTER_MS = 200;

const dependencyWith = (options: DependencyOptions = {}) => {
  const metrics = new Metrics();
  const dependency = new Dependency('products', metrics, { halfOpenAfterMs: HALF_OPEN_AFTER_MS, ...options });
  return { dependency, metrics };
};

const call = (change: Partial<DependencyCall> = {}): DependencyCall => ({
  kind: 'get',
  deadline: Deadline.in(5_000),
  repeatable: false,
  ...change,
});

const answers = async (): Promise<string> => 'answer';
const fails = (error: Error) => () => Promise.reject(error);
const remote = (status: number, rest: { readonly code?: string; readonly dependency?: string } = {}) =>
  new RemoteProblem({ type: 'urn:x', title: 'x', detail: 'x', code: 'x', status, ...rest }, 'products');

/** Enough failures to open the breaker. */
async function failOften(dependency: Dependency, error: Error, times = 20): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    await dependency.call(fails(error), call()).catch(() => undefined);
  }
}

const refused = { status: 503, code: 'dependency.circuit-open', retryAfterSeconds: 1, dependency: 'products' };

describe('the circuit breaker of a dependency', () => {
  it.each([
    ['no instance receives the calls', new NoResponder('products')],
    ['it answers 500', remote(500)],
    ['it answers 503 on its own behalf', remote(503)],
    ['its responses violate the contract', new Error('breaks its contract')],
  ])('opens when %s, and then makes no call', async (_, error) => {
    const { dependency } = dependencyWith();
    await failOften(dependency, error);
    let called = false;
    const work = async (): Promise<void> => void (called = true);
    await expect(dependency.call(work, call())).rejects.toMatchObject(refused);
    expect(called).toBe(false);
  });

  it.each([
    ['it rejects the request', new Forbidden()],
    ['it answers 404', remote(404)],
    ['it is overloaded', remote(503, { code: OVERLOADED })],
    ['it admits no new work and names the reason', remote(503, { code: 'products.saga-lag' })],
    ['a dependency of its own fails', remote(503, { dependency: 'payments' })],
    ['a dependency of its own does not answer', remote(504, { dependency: 'payments' })],
    ['callers left it too little time', new DeadlineExceeded()],
  ])('stays closed when %s', async (_, error) => {
    const { dependency } = dependencyWith();
    await failOften(dependency, error, 100);
    await expect(dependency.call(answers, call())).resolves.toBe('answer');
  });

  it('stays closed while one of two replicas fails everything', async () => {
    const { dependency } = dependencyWith();
    for (let count = 0; count < 200; count += 1) {
      const work = count % 2 === 0 ? answers : fails(remote(500));
      await dependency.call(work, call()).catch((error: unknown) => expect(error).toMatchObject({ status: 500 }));
    }
    await expect(dependency.call(answers, call())).resolves.toBe('answer');
  });

  it('probes the dependency with a single call, and rejects the others meanwhile', async () => {
    const { dependency } = dependencyWith();
    await failOften(dependency, remote(500));
    const finish = Promise.withResolvers<string>();
    let probes = 0;
    const probe = (): Promise<string> => {
      probes += 1;
      return finish.promise;
    };
    const begun: Promise<unknown>[] = [];
    await eventually(() => {
      begun.push(dependency.call(probe, call()).catch(() => 'refused'));
      expect(probes).toBe(1);
    });
    const others = await Promise.all(
      Array.from({ length: 50 }, () => dependency.call(probe, call()).catch((error: unknown) => error)),
    );
    for (const other of others) {
      expect(other).toMatchObject(refused);
    }
    finish.resolve('answer');
    await expect(begun.at(-1)).resolves.toBe('answer');
    await expect(dependency.call(answers, call())).resolves.toBe('answer');
  });

  it('gives the probe its own deadline, and opens again when it times out', async () => {
    const { dependency } = dependencyWith({ probeMs: 300 });
    await failOften(dependency, remote(500));
    const given: number[] = [];
    const stalls = async (deadline: Deadline): Promise<never> => {
      given.push(deadline.msLeft);
      throw new DeadlineExceeded();
    };
    await eventually(async () => {
      await dependency.call(stalls, call()).catch(() => undefined);
      expect(given).toHaveLength(1);
    });
    expect(given[0]).toBeLessThanOrEqual(300);
    await expect(dependency.call(answers, call())).rejects.toMatchObject(refused);
  });

  it('probes even if earlier calls hold all slots', async () => {
    const { dependency } = dependencyWith({ maxInFlight: 2 });
    const stalled = Promise.withResolvers<string>();
    const before = dependency.call(() => stalled.promise, call({ kind: 'list' }));
    await failOften(dependency, remote(500));
    await eventually(() => expect(dependency.call(answers, call({ kind: 'list' }))).resolves.toBe('answer'));
    stalled.resolve('late');
    await expect(before).resolves.toBe('late');
  });

  it('ignores failures of calls that started before it closed', async () => {
    const { dependency } = dependencyWith();
    const stalled = Promise.withResolvers<string>();
    const before = Array.from({ length: 100 }, () =>
      dependency.call(() => stalled.promise, call()).catch((error: unknown) => error),
    );
    await failOften(dependency, remote(500));
    await eventually(() => expect(dependency.call(answers, call())).resolves.toBe('answer'));
    stalled.reject(remote(500));
    await Promise.all(before);
    await expect(dependency.call(answers, call())).resolves.toBe('answer');
  });

  it('counts answered and failed calls, starting at 0', async () => {
    const { dependency, metrics } = dependencyWith();
    const shown = async (outcome: string, count: number): Promise<void> =>
      expect(await metrics.registry.metrics()).toContain(
        `dependency_calls_total{dependency="products",outcome="${outcome}"} ${count}\n`,
      );
    await shown('answered', 0);
    await shown('failed', 0);
    await dependency.call(answers, call());
    // A rejection counts as answered; so does the failure of a service behind the dependency.
    for (const error of [remote(404), remote(503, { dependency: 'payments' })]) {
      await dependency.call(fails(error), call()).catch(() => undefined);
    }
    await shown('answered', 3);
    // The breaker ignores a short timeout; the metric counts it as failed.
    for (const error of [remote(500), new NoResponder('products'), new DeadlineExceeded()]) {
      await dependency.call(fails(error), call()).catch(() => undefined);
    }
    await shown('failed', 3);
    await shown('answered', 3);
    for (const reason of ['breaker', 'bulkhead', 'deadline']) {
      expect(await metrics.registry.metrics()).toContain(
        `dependency_rejections_total{dependency="products",reason="${reason}"} 0\n`,
      );
    }
  });

  it('shows its state and its rejections in the metrics', async () => {
    const { dependency, metrics } = dependencyWith();
    await dependency.call(answers, call());
    expect(await metrics.registry.metrics()).toContain('dependency_breaker_state{dependency="products"} 0');
    await failOften(dependency, remote(500));
    const shown = await metrics.registry.metrics();
    expect(shown).toContain('dependency_breaker_state{dependency="products"} 2');
    expect(shown).toMatch(/dependency_rejections_total\{dependency="products",reason="breaker"\} \d+/);
    expect(shown).toContain('dependency_calls_in_flight{dependency="products"} 0');
  });
});

describe('the bulkhead of a dependency', () => {
  it('rejects calls beyond the share of a kind, accepts other kinds, and does not open the breaker', async () => {
    const { dependency } = dependencyWith({ maxInFlight: 8 });
    const stalled = Promise.withResolvers<string>();
    const stall = () => dependency.call(() => stalled.promise, call({ kind: 'quote' }));
    const waiting = Array.from({ length: 4 }, stall);
    for (let count = 0; count < 100; count += 1) {
      await expect(stall()).rejects.toMatchObject({
        status: 503,
        code: 'dependency.too-many-calls',
        retryAfterSeconds: 1,
        dependency: 'products',
      });
    }
    await expect(dependency.call(answers, call())).resolves.toBe('answer');
    stalled.resolve('late');
    await expect(Promise.all(waiting)).resolves.toHaveLength(4);
  });
});

describe('the deadline of a call', () => {
  it('is rejected immediately with 504 when too little time is left', async () => {
    const { dependency, metrics } = dependencyWith();
    let called = false;
    const work = async (): Promise<void> => void (called = true);
    await expect(dependency.call(work, call({ deadline: Deadline.in(110) }))).rejects.toMatchObject({ status: 504 });
    expect(called).toBe(false);
    expect(await metrics.registry.metrics()).toContain(
      'dependency_rejections_total{dependency="products",reason="deadline"} 1',
    );
  });
});

describe('the retry of a call', () => {
  const failingOnce = (error: Error) => {
    let calls = 0;
    const work = async (): Promise<number> => {
      calls += 1;
      if (calls === 1) {
        throw error;
      }
      return calls;
    };
    return { work, calls: () => calls };
  };

  it('repeats a query once that no instance received', async () => {
    const { work } = failingOnce(new NoResponder('products'));
    await expect(dependencyWith().dependency.call(work, call({ repeatable: true }))).resolves.toBe(2);
  });

  it.each([
    ['a command', new NoResponder('products'), call()],
    ['a call that may have had an effect', new DeadlineExceeded(), call({ repeatable: true })],
    ['a call that another layer may have repeated', remote(503), call({ repeatable: true })],
  ])('does not repeat %s', async (_, error, asked) => {
    const { work, calls } = failingOnce(error);
    await expect(dependencyWith().dependency.call(work, asked)).rejects.toBe(error);
    expect(calls()).toBe(1);
  });

  it('does not repeat a call that would come too late', async () => {
    const deadline = Deadline.in(300);
    let calls = 0;
    const work = async (): Promise<never> => {
      calls += 1;
      await eventually(() => expect(deadline.msLeft).toBeLessThan(150));
      throw new NoResponder('products');
    };
    const asked = dependencyWith().dependency.call(work, call({ repeatable: true, deadline }));
    await expect(asked).rejects.toBeInstanceOf(NoResponder);
    expect(calls).toBe(1);
  });

  it('stays within its budget when every call fails', async () => {
    // Rejections by the breaker would hide the effect of the budget.
    const { dependency, metrics } = dependencyWith({ opensAfter: 10_000, maxInFlight: 1_000 });
    let sent = 0;
    const work = async (): Promise<never> => {
      sent += 1;
      throw new NoResponder('products');
    };
    const asked = Array.from({ length: 300 }, () =>
      dependency.call(work, call({ repeatable: true })).catch((error: unknown) => error),
    );
    await Promise.all(asked);
    expect(sent).toBeGreaterThan(300);
    expect(sent).toBeLessThanOrEqual(300 + 10 + 30);
    expect(await metrics.registry.metrics()).toContain(
      'dependency_retries_total{dependency="products",outcome="over-budget"}',
    );
  });
});
