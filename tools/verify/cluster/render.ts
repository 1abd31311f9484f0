import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { repository } from '@rookery/devkit/stack/repository';
import { makeSecrets } from '@rookery/devkit/stack/secrets';
import { runProgram } from '@rookery/devkit/terminal/run-program';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { K8S_SECRETS_FOLDER, kubernetesSecrets, writeKubernetesSecrets } from '@rookery/release/deployment-secrets';
import { type Bundle, KubernetesObject } from './manifest';

/** The overlays: of this machine, then in the order in which a release passes through them. */
export const Overlays = ['dev', 'dev-shared', 'staging', 'prod'] as const;
export type Overlay = (typeof Overlays)[number];

/** Of the local user. */
const REAL_SECRETS = join(repository, K8S_SECRETS_FOLDER);

/** Objects of a text of YAML documents. Throws UserError for a malformed text and for a duplicate key. */
export function readObjects(text: string, what: string): readonly KubernetesObject[] {
  return parseAllDocuments(text, { uniqueKeys: true }).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) {
      throw new UserError(`${what}: ${error.message}`);
    }
    const value: unknown = document.toJS();
    if (value === null) {
      return [];
    }
    const object = KubernetesObject.safeParse(value);
    if (!object.success) {
      throw new UserError(`${what}: ${object.error.issues[0]?.message ?? 'is not an object'}`);
    }
    return [object.data];
  });
}

/** A copy of `k8s/` that can be rendered, with fresh secrets where git holds none. */
export class Manifests {
  private constructor(
    /** The copy of `k8s/`. */
    readonly folder: string,
    private readonly kubectl: string,
  ) {}

  /** Remove it after use. */
  static async copy(kubectl: string): Promise<Manifests> {
    const root = mkdtempSync(join(tmpdir(), 'rookery-k8s-'));
    const folder = join(root, 'k8s');
    cpSync(join(repository, 'k8s'), folder, { recursive: true, filter: (file) => !file.startsWith(REAL_SECRETS) });
    await writeKubernetesSecrets(await makeSecrets(), { root, force: false });
    return new Manifests(folder, kubectl);
  }

  remove(): void {
    rmSync(dirname(this.folder), { recursive: true, force: true });
  }

  /** Adds a file: an overlay to try something with. */
  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  /** What `kubectl kustomize` makes of a folder below `k8s/`. */
  async render(path: string): Promise<readonly KubernetesObject[]> {
    const args = ['kustomize', join(this.folder, path)];
    const { code, stdout, stderr } = await runProgram(this.kubectl, args, { timeout: 60_000 });
    if (code !== 0) {
      throw new UserError(`k8s/${path} cannot be rendered: ${stderr.trim().replaceAll(this.folder, 'k8s')}`);
    }
    return readObjects(stdout, path);
  }

  /** An overlay with what the cluster brings. */
  async bundle(overlay: Overlay): Promise<Bundle> {
    const [objects, cluster, byHand] = await Promise.all([
      this.render(`overlays/${overlay}`),
      this.render('platform/cluster'),
      overlay === 'dev-shared' ? secretsByHand() : [],
    ]);
    const fromChart = objects.some(({ kind }) => kind === 'Cluster');
    return {
      overlay,
      environment: overlay === 'dev-shared' ? 'dev' : overlay,
      objects,
      shared: [...cluster, ...byHand],
      natsChart: fromChart ? this.natsValues() : undefined,
    };
  }

  private natsValues(): unknown {
    const file = join(this.folder, 'platform/production/nats/values.yaml');
    return existsSync(file) ? parse(readFileSync(file, 'utf8')) : undefined;
  }
}

/** What the creator of the cluster puts there, by the comment of overlays/dev-shared. */
async function secretsByHand(): Promise<readonly KubernetesObject[]> {
  return Object.entries(kubernetesSecrets(await makeSecrets())).map(([of, data]) =>
    KubernetesObject.parse({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `${of}-secrets`, labels: {}, annotations: {} },
      data,
    }),
  );
}
