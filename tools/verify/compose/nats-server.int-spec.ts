import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { NATS_VERSION } from '@rookery/devkit/stack/nats-binary';
import { repository } from '@rookery/devkit/stack/repository';
import { TESTED_NATS_SERVERS } from '@rookery/messaging';
import { eventually } from '@rookery/testing';

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const parsed = <T>(path: string, schema: z.ZodType<T>): readonly T[] =>
  parseAllDocuments(read(path)).flatMap((document) => schema.safeParse(document.toJS()).data ?? []);

describe('the version of nats-server', () => {
  it('is the one that npm start fetches in every image too', () => {
    const found = globSync(['docker/*.yaml', 'k8s/**/*.yaml'], { cwd: repository }).flatMap((path) =>
      [...read(path).matchAll(/(?:\bnats:|^ {4}tag: )(?<version>\d+\.\d+\.\d+)/gmu)].map(
        ({ groups }) => `${path} ${groups?.['version']}`,
      ),
    );
    expect(found.toSorted()).toEqual([
      `docker/compose.yaml ${NATS_VERSION}`,
      `k8s/platform/dev/nats/nats.yaml ${NATS_VERSION}`, // part:kubernetes
      `k8s/platform/production/nats/values.yaml ${NATS_VERSION}`, // part:kubernetes
    ]);
  });

  // #region part:kubernetes
  it('is told to operators with the range that is tested', () => {
    const { oldest, newest } = TESTED_NATS_SERVERS;
    expect(read('docs/deploy.md')).toContain(`nats-server ${oldest} to ${newest}`);
    expect(read('docs/deploy.md')).toContain(`images are of ${NATS_VERSION}`);
  });
  // #endregion part:kubernetes
});

// #region part:kubernetes
const Probes = z.object({
  kind: z.literal('StatefulSet'),
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z.tuple([
          z.object({
            livenessProbe: z.object({
              httpGet: z.object({ path: z.string() }),
              periodSeconds: z.number(),
              failureThreshold: z.number(),
            }),
          }),
        ]),
      }),
    }),
  }),
});
// #endregion part:kubernetes
const Compose = z.object({
  services: z.object({
    nats: z.object({ healthcheck: z.object({ test: z.tuple([z.literal('CMD-SHELL'), z.string()]) }) }),
  }),
});

describe('a single nats-server that stores nothing any more', () => {
  // #region part:kubernetes
  it('is started again by Kubernetes, by the only form of /healthz that tells, and not for a busy minute', () => {
    const [dev] = parsed('k8s/platform/dev/nats/nats.yaml', Probes);
    const probe = dev?.spec.template.spec.containers[0].livenessProbe;
    expect(probe?.httpGet.path).toBe('/healthz');
    expect((probe?.periodSeconds ?? 0) * (probe?.failureThreshold ?? 0)).toBeGreaterThanOrEqual(60);
  });
  // #endregion part:kubernetes

  it('is ended by the health check of Compose after thirty failures in a row, for Docker to start it again', async () => {
    const [compose] = parsed('docker/compose.yaml', Compose);
    const test = compose?.services.nats.healthcheck.test[1] ?? '';
    expect(test).toContain('http://127.0.0.1:8222/healthz;');
    const folder = mkdtempSync(join(tmpdir(), 'rookery-healthcheck-'));
    const server = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      const answers = (ok: boolean): void =>
        writeFileSync(join(folder, 'wget'), `#!/bin/sh\nexit ${ok ? 0 : 1}\n`, { mode: 0o755 });
      const script = test.replaceAll('$$', '$').replace('/run/tls', folder).replace('kill 1', `kill ${server.pid}`);
      const check = (): Promise<number | null> =>
        new Promise((resolve) => {
          const env = { PATH: [folder, process.env['PATH']].join(delimiter) };
          spawn('/bin/sh', ['-c', script], { env, stdio: 'ignore' }).once('close', resolve);
        });
      const fail = async (times: number): Promise<void> => {
        answers(false);
        for (let failure = 0; failure < times; failure += 1) {
          expect(await check()).toBe(1);
        }
      };
      await fail(29);
      answers(true);
      expect(await check()).toBe(0);
      await fail(29);
      expect(server.signalCode).toBeNull();
      await fail(1);
      await eventually(() => expect(server.signalCode).toBe('SIGTERM'));
    } finally {
      server.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  }, 30_000);
});
