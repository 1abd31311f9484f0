import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { nkeys } from '@nats-io/nats-core';
import { testBroker, type TestBroker } from '@rookery/testing';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

describe('the job that provisions the broker', () => {
  let broker: TestBroker;
  let manager: JetStreamManager;
  let admin: ReturnType<TestBroker['envOf']>;

  beforeAll(async () => {
    broker = await testBroker();
    manager = await jetstreamManager(await broker.adminConnection());
    admin = broker.envOf('admin');
  });
  afterAll(() => broker.close());

  const run = (env: Readonly<Record<string, string>>) =>
    new Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>((resolve) => {
      const program = 'apps/gateway/src/provision-broker.ts';
      const options = { cwd: repository, env: { PATH: process.env['PATH'], ...env } };
      execFile(process.execPath, ['--import', 'tsx', program], options, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });

  const streams = async () => {
    const found: object[] = [];
    for await (const { config } of manager.streams.list()) {
      found.push(config);
    }
    return found;
  };

  it('creates every stream and consumer on an empty broker, and changes nothing on a second run', async () => {
    const wanted = await streams();
    for await (const { config } of manager.streams.list()) {
      await manager.streams.delete(config.name);
    }
    expect(await run(admin)).toMatchObject({ code: 0, stderr: '' });
    expect(await streams()).toEqual(wanted);
    await expect(manager.consumers.info('ORDERS', 'payments')).resolves.toMatchObject({
      config: { ack_policy: 'explicit' },
    });
    expect(await run(admin)).toMatchObject({ code: 0, stderr: '' });
    expect(await streams()).toEqual(wanted);
  });

  it('fails and names BROKER_REPLICAS when the broker is a single server', async () => {
    const { code, stderr } = await run({ ...admin, BROKER_REPLICAS: '3' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/was not provisioned: .*BROKER_REPLICAS/);
    expect(await streams()).toContainEqual(expect.objectContaining({ name: 'ORDERS', num_replicas: 1 }));
  });

  it('fails and names the variable when the broker does not know the key, without the key', async () => {
    const stranger = new TextDecoder().decode(nkeys.createUser().getSeed());
    const { code, stderr } = await run({ ...admin, NATS_NKEY_SEED: stranger });
    expect(code).toBe(1);
    expect(stderr).toMatch(/was not provisioned: .*NATS_NKEY_SEED/);
    expect(stderr).not.toContain(stranger);
  });

  it('fails and names NATS_NKEY_SEED when its key may not create streams', async () => {
    const { code, stderr } = await run(broker.envOf('orders'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/Is NATS_NKEY_SEED the seed of the account’s admin\?/);
  });

  it('fails and lists the missing settings', async () => {
    const { code, stderr } = await run({});
    expect(code).toBe(1);
    expect(stderr).toMatch(/NATS_URL .*is missing/);
    expect(stderr).toMatch(/NATS_NKEY_SEED .*is missing/);
  });
});
