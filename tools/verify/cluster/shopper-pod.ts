import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import type { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';
import { UserError } from '@rookery/devkit/terminal/user-error';
import type { Cluster } from './cluster';
import type { KubernetesObject } from './manifest';
import { Said } from './shop-talk';

const PROGRAM = 'shopper.mjs';
const LABEL = 'app.kubernetes.io/name';
const STARTS_WITHIN = '120s';

/** A customer may reach these two, and a stranger nobody. */
export const visitors = { shopper: ['gateway', 'auth'], stranger: [] } as const;
type Visitor = keyof typeof visitors;

async function bundled(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(repository, 'tools/verify/cluster/shopper.ts')],
    bundle: true,
    minify: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    tsconfig: join(repository, 'tsconfig.json'),
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

const metadata = (name: string): KubernetesObject['metadata'] => ({
  name,
  labels: { [LABEL]: name, 'app.kubernetes.io/part-of': 'rookery', 'app.kubernetes.io/component': 'verification' },
  annotations: {},
});

function pod(name: Visitor, image: string, hostAliases: readonly unknown[]): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadata(name),
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      // Otherwise the scheduler makes room on a full node by ending it.
      priorityClassName: 'rookery-latency-sensitive',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      hostAliases,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        runAsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'shopper',
          image,
          // Its programs are started by `kubectl exec`.
          args: ['-e', 'process.on("SIGTERM", () => process.exit(0)); setInterval(() => undefined, 1e9)'],
          resources: { requests: { cpu: '10m', memory: '128Mi' }, limits: { cpu: '1', memory: '512Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [{ name: 'program', mountPath: '/shopper', readOnly: true }],
        },
      ],
      volumes: [{ name: 'program', configMap: { name: 'shopper' } }],
    },
  };
}

/** What a client in another namespace would be let through by its ingress controller. */
function policies(): readonly KubernetesObject[] {
  const [shopper, apps] = [
    { matchLabels: { [LABEL]: 'shopper' } },
    { matchExpressions: [{ key: LABEL, operator: 'In', values: [...visitors.shopper] }] },
  ];
  const http = [{ port: 'http' }];
  return [
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: metadata('shopper'),
      spec: {
        podSelector: shopper,
        policyTypes: ['Egress'],
        egress: [{ to: [{ podSelector: apps }], ports: http }],
      },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: metadata('shopper-ingress'),
      spec: {
        podSelector: apps,
        policyTypes: ['Ingress'],
        ingress: [{ from: [{ podSelector: shopper }], ports: http }],
      },
    },
  ];
}

/** Two pods beside the system that run the programs of shopper.ts: one that may reach it as a customer does, one that may not. */
export class ShopperPods {
  private constructor(private readonly cluster: Cluster) {}

  /** Resolves when both run. */
  static async start(cluster: Cluster, image: string, addresses: ReadonlyMap<string, string>): Promise<ShopperPods> {
    const aliases = [...addresses].map(([hostname, ip]) => ({ ip, hostnames: [hostname] }));
    const program = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: metadata('shopper'),
      data: { [PROGRAM]: await bundled() },
    };
    await cluster.create([program, ...policies(), pod('shopper', image, aliases), pod('stranger', image, aliases)]);
    await cluster.run(['wait', '--for=condition=Ready', `--timeout=${STARTS_WITHIN}`, 'pod/shopper', 'pod/stranger']);
    return new ShopperPods(cluster);
  }

  /** Starts a program. */
  begin(visitor: Visitor, ...command: readonly string[]): ShopperProgram {
    return new ShopperProgram(this.cluster, visitor, command);
  }

  /** Runs a program to its end. */
  async run<Schema extends z.ZodType>(
    schema: Schema,
    visitor: Visitor,
    ...command: readonly string[]
  ): Promise<z.output<Schema>> {
    using program = this.begin(visitor, ...command);
    return await program.result(schema);
  }
}

function said(line: string): Said {
  try {
    return Said.parse(JSON.parse(line));
  } catch {
    return { failed: `the shopper said ${line.slice(0, 2_000)}` };
  }
}

/** A program that runs in one of the pods. */
export class ShopperProgram {
  private readonly said: Said[] = [];
  private readonly child: ReturnType<Cluster['exec']>;
  private readonly ended: Promise<void>;
  private wake: () => void = () => undefined;

  constructor(cluster: Cluster, visitor: Visitor, command: readonly string[]) {
    this.child = cluster.exec(visitor, 'node', `/shopper/${PROGRAM}`, ...command);
    this.child.stdin.on('error', () => undefined);
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.said.push(said(line));
      this.wake();
    });
    this.ended = new Promise((resolve) => this.child.once('close', () => resolve()));
  }

  /** How much it has said. */
  get count(): number {
    return this.said.length;
  }

  /** Resolves when the program has said something that is wanted; what came before `from` does not count. */
  async until(wanted: (said: Said) => boolean, from = 0): Promise<Said> {
    for (;;) {
      const found = this.said.slice(from).find((said) => wanted(said) || 'failed' in said);
      if (found !== undefined && 'failed' in found) {
        throw new UserError(found.failed);
      }
      if (found !== undefined) {
        return found;
      }
      const ended = await Promise.race([
        this.ended.then(() => true),
        new Promise<false>((resolve) => {
          this.wake = () => resolve(false);
        }),
      ]);
      if (ended && !this.said.slice(from).some(wanted)) {
        throw new UserError('the shopper ended without an answer');
      }
    }
  }

  /** Gives it up; nothing happens when it has ended. */
  [Symbol.dispose](): void {
    this.child.kill();
  }

  /** Says that it should end, and answers with what it came to. */
  async result<Schema extends z.ZodType>(schema: Schema): Promise<z.output<Schema>> {
    this.child.stdin.end();
    const said = await this.until((one) => 'result' in one);
    return schema.parse('result' in said ? said.result : undefined);
  }
}
