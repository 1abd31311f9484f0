import type { Caller } from '@rookery/contracts';
import { ApiClient } from '@rookery/devkit/client/api-client';
import { APPS, SERVICES } from '@rookery/devkit/stack/app-process';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { ASK_CONFINEMENT, confinementFaults, readConfinement } from './confinement';
import type { Engine } from './engine';
import { inMegabytes, must, type Report } from './report';
import { MEMORY, System, type SystemImages } from './system';

const STOPS_WITHIN_MS = 15_000;
const ORDER_WITHIN_MS = 60_000;

/** Starts the whole system from images and checks that it works and how it is confined; removes it afterwards. */
export async function verifySystem(
  images: SystemImages,
  engine: Engine,
  progress: Progress,
  report: Report,
): Promise<void> {
  const system = await System.prepare(engine, images);
  try {
    await progress.step('Postgres and NATS', () => system.startServers());
    await verifyMigrations(system, report);
    await report.check('the broker is provisioned by a job, twice', async () => {
      for (const time of ['first', 'second']) {
        const { code, stderr } = await system.provisionBroker();
        must(code === 0, `${time}: ended with ${code}: ${stderr}`);
      }
      return '';
    });
    const ready = await report.check(
      `the five apps are ready: read-only, no capabilities, ${MEMORY} of memory, secrets from files, the broker by TLS`,
      async () => {
        const since = performance.now();
        await system.startApps();
        return `after ${((performance.now() - since) / 1_000).toFixed(1)} s`;
      },
    );
    if (!ready) {
      return;
    }
    await verifyOrder(system, report);
    for (const app of APPS) {
      await verifyConfinement(app, system, report);
    }
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

async function verifyMigrations(system: System, report: Report): Promise<void> {
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
}

async function verifyOrder(system: System, report: Report): Promise<void> {
  await report.check('an order placed through the gateway is Confirmed', async () => {
    const since = performance.now();
    const product = await (await ApiClient.signIn(system, 'olga')).addProduct();
    const alice = await ApiClient.signIn(system, 'alice');
    const { id } = await alice.buy(product.id, 2);
    const { status } = await alice.ended(id, ORDER_WITHIN_MS);
    must(status === 'Confirmed', `the order is ${status}`);
    return `${id}, ${((performance.now() - since) / 1_000).toFixed(1)} s with two log-ins`;
  });
  await report.check('Swagger UI and its files are served', async () => {
    for (const path of ['/docs', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css']) {
      const response = await fetch(new URL(path, system.gatewayUrl));
      must(response.ok, `${path} answered ${response.status}`);
    }
    return '';
  });
}

async function verifyConfinement(app: Caller, system: System, report: Report): Promise<void> {
  await report.check(
    `${app}: uid 65532, no capability, no new privileges, no secret in its environment, nothing can be written, memory limited`,
    async () => {
      const { code, stdout, stderr } = await system.exec(app, 'node', '-e', ASK_CONFINEMENT);
      must(code === 0, stderr);
      const confinement = readConfinement(stdout);
      const faults = confinementFaults(confinement);
      must(faults.length === 0, faults.join(', '));
      const { memory, status } = confinement;
      must(Number(memory) === 256 * 1024 * 1024, `the memory limit is "${memory}"`);
      return `most memory so far ${inMegabytes(Number.parseInt(status('VmHWM'), 10) * 1_024)}, ${status('Threads')} threads`;
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
