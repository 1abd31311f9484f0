import { eventually, redisServer, TestRedis } from '@rookery/testing';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';

const LIMIT = 40;
/** Far below the timeout of a request: no request waits for an unavailable Redis. */
const NOT_HANGING_MS = 4_000;

(redisServer === undefined ? describe.skip : describe)('two gateways with one Redis', () => {
  let redis: TestRedis;
  let gateways: readonly [GatewayUnderTest, GatewayUnderTest];
  const open: GatewayUnderTest[] = [];

  beforeEach(async () => {
    redis = await TestRedis.start();
    const start = async (): Promise<GatewayUnderTest> => {
      const gateway = await startGateway({ REDIS_URL: redis.url, RATE_LIMIT_PER_MINUTE: String(LIMIT) });
      open.push(gateway);
      await eventually(async () => expect(await metric(gateway, 'redis_up')).toBe(1));
      return gateway;
    };
    gateways = [await start(), await start()];
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((gateway) => gateway.close()));
    redis.resume();
    await redis.kill();
  });

  const metric = async (gateway: GatewayUnderTest, name: string): Promise<number> => {
    const text = await (await gateway.request('/metrics')).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  };
  const ask = async (gateway: GatewayUnderTest) => {
    const startedAt = performance.now();
    const response = await gateway.request('/v1/products');
    await response.body?.cancel();
    return {
      status: response.status,
      remaining: Number(response.headers.get('ratelimit-remaining')),
      ms: performance.now() - startedAt,
    };
  };
  /** Both share one budget. */
  const expectShared = async (): Promise<void> => {
    const [one, other] = gateways;
    const first = await ask(one);
    const second = await ask(other);
    const third = await ask(one);
    expect([second.remaining, third.remaining]).toEqual([first.remaining - 1, first.remaining - 2]);
  };

  it('share one budget per caller', async () => {
    const answers = [];
    for (let index = 0; index < LIMIT + 2; index += 1) {
      answers.push(await ask(gateways[index % 2 === 0 ? 0 : 1]));
    }
    expect(answers.map(({ status }) => status)).toEqual([...Array<number>(LIMIT).fill(200), 429, 429]);
    expect(answers.map(({ remaining }) => remaining)).toEqual([
      ...Array.from({ length: LIMIT }, (_, index) => LIMIT - 1 - index),
      0,
      0,
    ]);
  });

  it('continue alone when Redis is killed, without delaying requests, and share again when it is back', async () => {
    await expectShared();
    await redis.kill();
    for (let index = 0; index < 6; index += 1) {
      for (const gateway of gateways) {
        const { status, ms } = await ask(gateway);
        expect(status).toBe(200);
        expect(ms).toBeLessThan(NOT_HANGING_MS);
      }
    }
    await eventually(async () => expect(await metric(gateways[0], 'redis_up')).toBe(0));
    expect(await metric(gateways[0], 'redis_unanswered_total')).toBeGreaterThan(0);
    // The local counts still apply, as separate limits.
    const refused = await eventually(async () => {
      const answer = await ask(gateways[0]);
      expect(answer.status).toBe(429);
      return answer;
    });
    expect(refused.remaining).toBe(0);

    await redis.start();
    await eventually(expectShared, { intervalMs: 500 });
  });

  it('do not delay requests while Redis hangs', async () => {
    await expectShared();
    redis.pause();
    for (let index = 0; index < 5; index += 1) {
      const { status, ms } = await ask(gateways[0]);
      expect(status).toBe(200);
      expect(ms).toBeLessThan(NOT_HANGING_MS);
    }
    redis.resume();
    await eventually(expectShared, { intervalMs: 500 });
  });
});
