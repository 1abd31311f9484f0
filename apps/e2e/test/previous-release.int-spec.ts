import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Service } from '@rookery/contracts';
import { AppProcess } from '@rookery/devkit/stack/app-process';
import { startTestStack, type TestStack } from '@rookery/devkit/stack/e2e-stack';
import { freePorts } from '@rookery/devkit/stack/ports';
import { eventually } from '@rookery/testing';
import { ApiClient, product } from '../src/client';
import { BuiltRelease, NoHistory, type PreviousRelease, previousReleases } from '../src/previous-release';

/** Building the release and starting a stack of today's. */
const PREPARED_WITHIN_MS = 240_000;
/** Of each kind of order: enough that both releases get some. */
const OF_EACH = 3;

interface Kind {
  readonly ending: string;
  readonly quantity: number;
  readonly paymentToken: string;
  readonly canceled?: boolean;
}

const KINDS: readonly Kind[] = [
  { ending: 'Confirmed', quantity: 1, paymentToken: 'tok_ok' },
  { ending: 'payment-declined', quantity: 1, paymentToken: 'tok_declined' },
  { ending: 'insufficient-funds', quantity: 1, paymentToken: 'tok_insufficient_funds' },
  { ending: 'out-of-stock', quantity: 1_000, paymentToken: 'tok_ok' },
  { ending: 'customer-request', quantity: 1, paymentToken: 'tok_slow', canceled: true },
];

const history = ((): readonly PreviousRelease[] | NoHistory => {
  try {
    return previousReleases();
  } catch (error) {
    if (error instanceof NoHistory) {
      return error;
    }
    throw error;
  }
})();
const releases = history instanceof NoHistory ? [] : history;
const skipped = history instanceof NoHistory ? `skipped: ${history.message}` : undefined;
if (skipped !== undefined) {
  console.warn(`The previous release: ${skipped}`);
}
const describeWithHistory = releases.length === 0 ? describe.skip : describe;

describeWithHistory(`the previous release on today’s schema${skipped === undefined ? '' : ` (${skipped})`}`, () => {
  const built: BuiltRelease[] = [];
  const old: AppProcess[] = [];
  const logs = mkdtempSync(join(tmpdir(), 'rookery-previous-logs-'));
  let stack: TestStack;
  let alice: ApiClient;
  let olga: ApiClient;

  const services = releases.flatMap((release) => release.services);

  beforeAll(async () => {
    for (const release of releases) {
      built.push(await BuiltRelease.build(release));
    }
    // Databases migrated by today's migrations, a broker set up by today's definitions, and today's five apps.
    stack = await startTestStack({ account: 'E4' });
    [alice, olga] = await Promise.all([ApiClient.signIn(stack, 'alice'), ApiClient.signIn(stack, 'olga')]);
  }, PREPARED_WITHIN_MS);

  afterAll(async () => {
    await Promise.all(old.map((process) => process.stop()));
    await stack.stop();
    for (const release of built) {
      release.remove();
    }
    rmSync(logs, { recursive: true, force: true });
  });

  it('starts and becomes ready', async () => {
    for (const { apps, release } of built) {
      for (const service of release.services) {
        old.push(await startOld(service, apps));
      }
    }
    await Promise.all(old.map((process) => process.ready()));
    expect(old.map(({ app }) => app)).toEqual(services);
  });

  it('ends every kind of order rightly beside today’s, as during a rolling upgrade', async () => {
    await expectRightEnds();
  });

  it('ends every kind of order rightly alone, as before the first new replica or after a roll-back', async () => {
    await Promise.all(services.map((service) => stack.app(service).stop()));
    await expectRightEnds();
    await Promise.all(old.map((process) => process.ready()));
  });

  async function startOld(service: Service, apps: string): Promise<AppProcess> {
    const [port = 0] = await freePorts(1);
    const env = { ...stack.envs[service], PORT: String(port) };
    return new AppProcess(service, env, join(logs, `${service}.log`), apps);
  }

  async function expectRightEnds(): Promise<void> {
    const { id: productId } = await olga.addProduct({ stock: 100 });
    const placed = await Promise.all(
      Array.from({ length: OF_EACH }, () => KINDS)
        .flat()
        .map(async ({ ending, quantity, paymentToken, canceled = false }) => {
          const { id } = await alice.buy(productId, quantity, paymentToken);
          if (canceled) {
            expect(await alice.cancel(id)).toMatchObject({ status: 202 });
          }
          return { id, ending };
        }),
    );
    const ends = await Promise.all(
      placed.map(async ({ id }) => {
        const { status, reason } = await alice.ended(id);
        return { id, ending: reason ?? status };
      }),
    );
    expect(ends).toEqual(placed);
    await eventually(async () => {
      expect((await product(productId, stack.gatewayUrl)).stock.available).toBe(100 - OF_EACH);
    });
    // The capture follows the confirmation.
    await eventually(async () => {
      const payments = await Promise.all(placed.map(async ({ id }) => (await alice.payments(id)).items));
      const captured = payments.filter((items) => items.some(({ status }) => status === 'Captured'));
      expect(captured).toHaveLength(OF_EACH);
    });
  }
});
