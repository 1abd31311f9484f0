import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { type Answer, outputOf, runProgram } from '@rookery/devkit/terminal/run-program';
import { UserError } from '@rookery/devkit/terminal/user-error';
import type { KubernetesObject } from './manifest';

const TIMEOUT_MS = 600_000;
const FIELD_MANAGER = 'rookery-verify';

const Version = z.object({ serverVersion: z.object({ gitVersion: z.string(), major: z.string(), minor: z.string() }) });
const Nodes = z.object({ items: z.array(z.looseObject({})) });
const StorageClasses = z.object({
  items: z.array(z.object({ metadata: z.object({ annotations: z.record(z.string(), z.string()).default({}) }) })),
});
const Resources = z.object({ resources: z.array(z.object({ kind: z.string() })) });
const Services = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string() }), spec: z.object({ clusterIP: z.string() }) })),
});

/** What a cluster offers, as far as our manifests depend on it. */
export interface Facts {
  readonly version: string;
  /** Minor version of Kubernetes 1; 0 when the server does not name it, which counts as old. */
  readonly minor: number;
  readonly nodes: number;
  readonly hasDns: boolean;
  readonly hasDefaultStorage: boolean;
  /** `policy/v1 PodDisruptionBudget` of those asked for. */
  readonly kinds: ReadonlySet<string>;
}

/** A cluster through kubectl, in one namespace unless arguments say otherwise. */
export class Cluster {
  constructor(
    private readonly kubectl: string,
    readonly namespace: string,
    private readonly kubeconfig: string | undefined,
  ) {}

  private args(args: readonly string[]): string[] {
    const config = this.kubeconfig === undefined ? [] : [`--kubeconfig=${this.kubeconfig}`];
    return [...config, `--namespace=${this.namespace}`, ...args];
  }

  /** Runs kubectl; a code other than 0 is an answer too. */
  try(args: readonly string[], input = ''): Promise<Answer> {
    return runProgram(this.kubectl, this.args(args), { input, timeout: TIMEOUT_MS });
  }

  /**
   * What kubectl prints.
   * @throws {UserError} when it fails
   */
  run(args: readonly string[], input = ''): Promise<string> {
    return outputOf(this.kubectl, this.args(args), { input, timeout: TIMEOUT_MS });
  }

  /** Objects as JSON. */
  async get<Schema extends z.ZodType>(schema: Schema, ...args: readonly string[]): Promise<z.output<Schema>> {
    return schema.parse(JSON.parse(await this.run(['get', ...args, '--output=json'])));
  }

  /** Applies objects; with `--dry-run=server` the server answers as if it had. */
  apply(objects: readonly KubernetesObject[], ...args: readonly string[]): Promise<Answer> {
    return this.try(['apply', '--filename=-', ...args], listOf(objects));
  }

  /** Creates what may be too big for the copy of itself that `apply` keeps in an annotation. */
  async create(objects: readonly KubernetesObject[]): Promise<void> {
    await this.run(['create', '--filename=-', `--field-manager=${FIELD_MANAGER}`], listOf(objects));
  }

  /** Posts an object to a path of the API. */
  post(path: string, body: unknown, ...args: readonly string[]): Promise<Answer> {
    return this.try(['create', `--raw=${path}`, '--filename=-', ...args], JSON.stringify(body));
  }

  /** A program in a pod, with its stdin and stdout. */
  exec(pod: string, ...command: readonly string[]): ChildProcessByStdio<Writable, Readable, null> {
    return spawn(this.kubectl, this.args(['exec', '--stdin', pod, '--', ...command]), {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  }

  /**
   * The facts of this cluster.
   * @throws {UserError} when it cannot be reached
   */
  async facts(apiVersions: readonly string[]): Promise<Facts> {
    const { code, stdout, stderr } = await this.try(['version', '--output=json']);
    const version = code === 0 ? Version.safeParse(JSON.parse(stdout)) : undefined;
    if (version?.success !== true) {
      throw new UserError(
        `The cluster does not answer: ${stderr.trim().slice(-500)}`,
        '--kubeconfig names another one.',
      );
    }
    const { gitVersion, minor } = version.data.serverVersion;
    const [{ items: nodes }, { items: classes }, dns, kinds] = await Promise.all([
      this.get(Nodes, 'nodes'),
      this.get(StorageClasses, 'storageclasses'),
      this.try(['get', 'service', 'kube-dns', '--namespace=kube-system']),
      Promise.all(apiVersions.map((apiVersion) => this.kindsOf(apiVersion))),
    ]);
    return {
      version: gitVersion,
      minor: Number.parseInt(minor, 10) || 0,
      nodes: nodes.length,
      hasDns: dns.code === 0,
      hasDefaultStorage: classes.some(
        ({ metadata }) => metadata.annotations['storageclass.kubernetes.io/is-default-class'] === 'true',
      ),
      kinds: new Set(kinds.flat()),
    };
  }

  private async kindsOf(apiVersion: string): Promise<readonly string[]> {
    const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const { code, stdout, stderr } = await this.try(['get', `--raw=${path}`]);
    if (code === 0) {
      return Resources.parse(JSON.parse(stdout)).resources.map(({ kind }) => `${apiVersion} ${kind}`);
    }
    if (/NotFound|could not find the requested resource/u.test(stderr)) {
      return [];
    }
    throw new UserError(`The cluster does not say what ${apiVersion} is: ${stderr.trim()}`);
  }

  /** The addresses of the namespace's Services. */
  async serviceAddresses(): Promise<ReadonlyMap<string, string>> {
    const { items } = await this.get(Services, 'services');
    return new Map(items.map(({ metadata, spec }) => [metadata.name, spec.clusterIP]));
  }
}

const listOf = (items: readonly KubernetesObject[]): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
