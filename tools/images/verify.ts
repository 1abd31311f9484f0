import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { OrderView, ProductView, type Caller } from '@rookery/contracts';
import { z } from 'zod';
import { readCompose } from '../deploy/compose';
import { demoPassword, signIn } from '../demo/sign-in';
import { APPS, SERVICES } from '../stack/app-process';
import { printFailure, Progress } from '../stack/progress';
import { repository } from '../stack/repository';
import { StackError } from '../stack/stack-error';
import { findUnwanted, secretsAround, withLayers } from './contents';
import { Engine, type Image } from './engine';
import { productionPackages, readLockFile } from './licences';
import { must, Report } from './report';
import { verifySignature } from './signature';
import { buildStandIns, standIns } from './stand-ins';
import { MEMORY, System, type SystemImages } from './system';

// `npm run verify:images`: builds the five images and checks what is in them, then runs the whole system from them, hardened.

const USAGE = `Usage: npm run verify:images [-- options]
  --stand-ins      Postgres and NATS of \`npm start\` in place of the official images, where those cannot be fetched
  --node-image X   another base than the Dockerfile's, as name@sha256:… or a stand-in
  --tag X          tag of the images (dev)
  --no-build       takes the images with that tag as they are
  --quick          without the second build that shows that layers are reproducible`;

const MOST_ABOVE_BASE_MB = 120;
const STOPS_WITHIN_MS = 15_000;
const ORDER_WITHIN_MS = 60_000;

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        'stand-ins': { type: 'boolean', default: false },
        'node-image': { type: 'string' },
        tag: { type: 'string', default: 'dev' },
        'no-build': { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    throw new StackError(error instanceof Error ? error.message : String(error), USAGE);
  }
}

const git = (...args: readonly string[]): string =>
  execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();

const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;

const dockerfileBase = (): string => {
  const [, image = ''] =
    /^ARG NODE_IMAGE=(\S+)$/m.exec(readFileSync(join(repository, 'docker/Dockerfile'), 'utf8')) ?? [];
  return image;
};

try {
  const options = readOptions();
  const engine = Engine.find();
  const progress = new Progress();
  const report = new Report((line) => process.stdout.write(`${line}\n`));
  await verify(options, engine, progress, report);
  process.stdout.write(`\n${report.summary}, with ${engine.name}, after ${progress.elapsed}\n`);
  process.exit(report.failed === 0 ? 0 : 1);
} catch (error) {
  printFailure(error);
  process.exit(1);
}

async function verify(
  options: ReturnType<typeof readOptions>,
  engine: Engine,
  progress: Progress,
  report: Report,
): Promise<void> {
  const nodeImage = options['node-image'] ?? dockerfileBase();
  if (!(await engine.provide(nodeImage))) {
    throw new StackError(`${nodeImage} is not here and cannot be fetched.`, '--node-image names another one.');
  }
  const base = await engine.image(nodeImage);
  if (base === undefined) throw new StackError(`${nodeImage} cannot be inspected.`);
  if (!/@sha256:/.test(nodeImage)) {
    report.notVerified('the base is pinned by its digest', `${nodeImage} was given by its tag; CI gives a digest`);
  }
  const revision = git('rev-parse', 'HEAD');
  const build = { nodeImage, revision, epoch: Number(git('log', '-1', '--format=%ct')) };
  const tagOf = (app: Caller): string => `ghcr.io/rookery/${app}:${options.tag}`;
  if (!options['no-build']) {
    for (const app of APPS) {
      await progress.step(`image of ${app}`, () => engine.build({ ...build, app, tag: tagOf(app) }));
    }
  }
  for (const app of APPS)
    await verifyContents(app, tagOf(app), base, options['no-build'] ? undefined : revision, engine, report);
  if (options.quick || options['no-build']) {
    report.notVerified('a second build gives the same layers', 'not built again, as asked');
  } else {
    await verifyReproducible({ ...build, app: 'payments', tag: tagOf('payments') }, engine, progress, report);
  }
  const servers = await provideServers(options['stand-ins'], nodeImage, engine, progress, report);
  if (servers === undefined) {
    report.notVerified(
      'the system runs from the images',
      'Postgres and NATS cannot be fetched; --stand-ins takes those of npm start',
    );
  } else {
    const apps = {
      gateway: tagOf('gateway'),
      auth: tagOf('auth'),
      products: tagOf('products'),
      orders: tagOf('orders'),
      payments: tagOf('payments'),
    };
    await verifySystem({ apps, ...servers }, engine, progress, report);
  }
  await verifySignature(engine, tagOf('orders'), 'orders', report);
}

async function verifyContents(
  app: Caller,
  tag: string,
  base: Image,
  revision: string | undefined,
  engine: Engine,
  report: Report,
): Promise<void> {
  const image = await engine.image(tag);
  if (image === undefined) throw new StackError(`${tag} is not here.`, 'Without --no-build it is built.');
  await report.check(`${app}: at most ${MOST_ABOVE_BASE_MB} MB above its base`, () => {
    const above = image.Size - base.Size;
    must(above <= MOST_ABOVE_BASE_MB * 1_000_000, megabytes(above));
    return megabytes(above);
  });
  await report.check(`${app}: numeric user without rights, no shell to start, labels`, () => {
    const { User, Entrypoint, Cmd, Labels } = image.Config;
    must(User === '65532:65532', `the user is "${User}"`);
    must(Entrypoint?.join() === 'node' && Cmd?.join() === 'main.js', `it starts ${Entrypoint?.join()} ${Cmd?.join()}`);
    const label = (name: string): string => Labels?.[`org.opencontainers.image.${name}`] ?? '';
    must(label('title') === app, `the title is "${label('title')}"`);
    must(label('source').startsWith('https://'), `the source is "${label('source')}"`);
    if (revision !== undefined) must(label('revision') === revision, `the revision is "${label('revision')}"`);
    return `revision ${label('revision').slice(0, 10)}`;
  });
  const secrets = secretsAround(repository, homedir());
  await report.check(`${app}: no package for development, npm, source map or secret in its layers`, async () => {
    const production = new Set(productionPackages(readLockFile()).map(({ name }) => name));
    const found = await withLayers(engine, tag, base.RootFS.Layers.length, (layers, config) => {
      const inConfig = [...secrets]
        .filter(([, value]) => config.includes(value))
        .map(([origin]) => `the configuration contains ${origin}`);
      return [...inConfig, ...findUnwanted(layers, { production, secrets })];
    });
    must(found.length === 0, found.slice(0, 10).join('; '));
    return `${secrets.size} secrets looked for`;
  });
  if (secrets.size === 0) report.notVerified(`${app}: secrets in its layers`, 'there are no secrets here to look for');
}

async function verifyReproducible(
  build: Parameters<Engine['build']>[0],
  engine: Engine,
  progress: Progress,
  report: Report,
): Promise<void> {
  const again = `${build.tag}-again`;
  const layersOf = async (tag: string): Promise<string> => (await engine.image(tag))?.RootFS.Layers.join('\n') ?? tag;
  await progress.step(`image of ${build.app}, a second time from nothing`, () =>
    engine.build({ ...build, tag: again, fresh: true }),
  );
  await report.check(`${build.app}: a second build from nothing gives the same layers`, async () => {
    const [first, second] = [await layersOf(build.tag), await layersOf(again)];
    must(first === second, `first\n${first}\nsecond\n${second}`);
    return `${first.split('\n').length} layers with equal digests`;
  });
  await engine.try('rmi', again);
}

async function provideServers(
  standIn: boolean,
  nodeImage: string,
  engine: Engine,
  progress: Progress,
  report: Report,
): Promise<Omit<SystemImages, 'apps'> | undefined> {
  const { services } = readCompose();
  const official = { postgres: services['postgres']?.image ?? '', nats: services['nats']?.image ?? '' };
  if (standIn) {
    await progress.step('stand-ins of Postgres and NATS', () => buildStandIns(engine, nodeImage));
    report.notVerified('the official images of Postgres and NATS', 'the servers of npm start stand in for them');
    return standIns;
  }
  const here = (await engine.provide(official.postgres)) && (await engine.provide(official.nats));
  return here ? official : undefined;
}

async function verifySystem(images: SystemImages, engine: Engine, progress: Progress, report: Report): Promise<void> {
  const system = await System.prepare(engine, images);
  try {
    await progress.step('Postgres and NATS', () => system.startServers());
    await report.check(
      'the databases and roles are there, each migration job ends with 0, and a second one finds nothing to do',
      async () => {
        for (const service of SERVICES) {
          const first = await system.migrate(service);
          must(
            first.code === 0 && first.stdout.includes('applied'),
            `${service}: ${first.code} ${first.stdout}${first.stderr}`,
          );
          const second = await system.migrate(service);
          must(
            second.code === 0 && second.stdout.includes('no pending migrations'),
            `${service}, again: ${second.stdout}`,
          );
        }
        return SERVICES.join(', ');
      },
    );
    await report.check('the broker is provisioned by a job, twice', async () => {
      for (const time of ['first', 'second']) {
        const { code, stderr } = await system.provisionBroker();
        must(code === 0, `${time}: ended with ${code}: ${stderr}`);
      }
      return '';
    });
    const ready = await report.check(
      `the five apps are ready: read-only, no capabilities, ${MEMORY} of memory, secrets from files`,
      async () => {
        const since = performance.now();
        await system.startApps();
        return `after ${((performance.now() - since) / 1_000).toFixed(1)} s`;
      },
    );
    if (!ready) return;
    await verifyOrder(system, report);
    for (const app of APPS) await verifyConfinement(app, system, report);
    await verifyLimit(system, report);
    for (const app of APPS) {
      await report.check(`${app}: ends with 0 on SIGTERM`, async () => {
        const { code, seconds } = await system.stopApp(app, STOPS_WITHIN_MS);
        must(code === 0, `it ended with ${code}`);
        return `after ${seconds.toFixed(1)} s`;
      });
    }
  } finally {
    await progress.step('containers removed', () => system.remove());
  }
}

async function verifyOrder({ gatewayUrl, authUrl }: System, report: Report): Promise<void> {
  const call = async <Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    init: RequestInit = {},
  ): Promise<z.output<Schema>> => {
    const response = await fetch(new URL(path, gatewayUrl), { signal: AbortSignal.timeout(10_000), ...init });
    const body = await response.text();
    must(response.ok, `${path} answered ${response.status} ${body}`);
    return schema.parse(JSON.parse(body));
  };
  const tokenOf = async (login: string): Promise<Readonly<Record<string, string>>> => {
    const { access_token: token } = await signIn({ issuer: authUrl, login, password: demoPassword(login) });
    return { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  };
  await report.check('an order placed through the gateway is Confirmed', async () => {
    const since = performance.now();
    const product = await call(ProductView, '/v1/products', {
      method: 'POST',
      headers: await tokenOf('olga'),
      body: JSON.stringify({
        sku: 'VERIFY-1',
        name: 'Nest box',
        price: { amountMinor: 1900, currency: 'EUR' },
        stock: 5,
      }),
    });
    const headers = await tokenOf('alice');
    const placed = await call(OrderView, '/v1/orders', {
      method: 'POST',
      headers: { ...headers, 'idempotency-key': randomUUID() },
      body: JSON.stringify({ lines: [{ productId: product.id, quantity: 2 }], paymentToken: 'tok_ok' }),
    });
    const deadline = Date.now() + ORDER_WITHIN_MS;
    for (;;) {
      const { status } = await call(OrderView, `/v1/orders/${placed.id}`, { headers });
      if (status === 'Confirmed') break;
      must(status === 'Pending' && Date.now() < deadline, `the order is ${status}`);
      await sleep(100);
    }
    return `${placed.id}, ${((performance.now() - since) / 1_000).toFixed(1)} s with two log-ins`;
  });
  await report.check('Swagger UI and its files are served', async () => {
    for (const path of ['/docs', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css']) {
      const response = await fetch(new URL(path, gatewayUrl));
      must(response.ok, `${path} answered ${response.status}`);
    }
    return '';
  });
}

/** What the process in the container says of itself: Linux's word, not the engine's. */
const Facts = z.object({
  uid: z.number(),
  status: z.string(),
  writes: z.record(z.string(), z.string()),
  memory: z.string(),
});
const ASK_FACTS = `
const fs = must('node:fs');
const attempt = (path) => { try { fs.writeFileSync(path, ''); return 'written'; } catch (error) { return error.code; } };
const limit = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'].find((path) => fs.existsSync(path));
process.stdout.write(JSON.stringify({
  uid: process.getuid(),
  status: fs.readFileSync('/proc/1/status', 'utf8'),
  writes: Object.fromEntries(['/app/main.js', '/app/new', '/tmp/new', '/new'].map((path) => [path, attempt(path)])),
  memory: limit === undefined ? '' : fs.readFileSync(limit, 'utf8').trim(),
}));`;

async function verifyConfinement(app: Caller, system: System, report: Report): Promise<void> {
  await report.check(
    `${app}: uid 65532, no capability, no new privileges, nothing can be written, memory limited`,
    async () => {
      const { code, stdout, stderr } = await system.exec(app, 'node', '-e', ASK_FACTS);
      must(code === 0, stderr);
      const { uid, status, writes, memory } = Facts.parse(JSON.parse(stdout));
      const field = (name: string): string => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? 'unknown';
      must(uid === 65532 && /^65532\s/.test(field('Uid')), `the uid is ${uid}, that of the app ${field('Uid')}`);
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd'])
        must(/^0+$/.test(field(set)), `${set} is ${field(set)}`);
      must(field('NoNewPrivs') === '1', `NoNewPrivs is ${field('NoNewPrivs')}`);
      const written = Object.entries(writes).filter(([, error]) => error !== 'EROFS');
      must(written.length === 0, written.map(([path, error]) => `${path}: ${error}`).join(', '));
      must(Number(memory) === 256 * 1024 * 1024, `the memory limit is "${memory}"`);
      return `most memory so far ${megabytes(Number.parseInt(field('VmHWM'), 10) * 1_024)}, ${field('Threads')} threads`;
    },
  );
  await report.check(`${app}: the health check tells well from ill, without a shell`, async () => {
    const well = await system.exec(app, 'node', 'healthcheck.mjs', '/readyz');
    const ill = await system.exec(app, 'node', '-e', "process.env.PORT = '1'; import('/app/healthcheck.mjs')");
    must(well.code === 0 && ill.code === 1, `well ended with ${well.code}, ill with ${ill.code}`);
    return '';
  });
}

async function verifyLimit(system: System, report: Report): Promise<void> {
  await report.check('a process that takes more than its memory is killed (137)', async () => {
    const script = 'const all = []; for (;;) all.push(Buffer.alloc(8 * 1024 * 1024, 1));';
    const { code } = await system.node('orders', script, '64m');
    must(code === 137, `it ended with ${code}`);
    return '';
  });
}
