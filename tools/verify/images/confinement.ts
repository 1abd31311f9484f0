import { z } from 'zod';

/** A program for `node -e` in a container: prints as JSON how the process is confined. That is Linux's word, not the engine's or the manifests'. */
export const ASK_CONFINEMENT = `
const fs = process.getBuiltinModule('node:fs');
const attempt = (path) => { try { fs.writeFileSync(path, ''); return 'written'; } catch (error) { return error.code; } };
const limit = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'].find((path) => fs.existsSync(path));
const paths = ['/new', '/app/new', '/app/main.js', '/tmp/new', '/etc/rookery/secrets/new'];
process.stdout.write(JSON.stringify({
  uid: process.getuid(),
  gid: process.getgid(),
  status: fs.readFileSync('/proc/1/status', 'utf8'),
  writes: Object.fromEntries(paths.map((path) => [path, attempt(path)])),
  token: fs.existsSync('/var/run/secrets/kubernetes.io'),
  secretsInEnvironment: Object.keys(process.env).filter((name) => /(PASSWORD|KEY|KEYS|JWKS|DATABASE_URL)$/.test(name)),
  memory: limit === undefined ? '' : fs.readFileSync(limit, 'utf8').trim(),
}));`;

const Confinement = z.object({
  uid: z.number(),
  gid: z.number(),
  status: z.string().transform(
    (text) =>
      (field: string): string =>
        new RegExp(`^${field}:\\s+(.*)$`, 'm').exec(text)?.[1] ?? 'unknown',
  ),
  writes: z.record(z.string(), z.string()),
  token: z.boolean(),
  secretsInEnvironment: z.array(z.string()),
  memory: z.string(),
});
/** What the program printed; `status` reads a field of the app's `/proc/<pid>/status`. */
export type Confinement = z.infer<typeof Confinement>;

export const readConfinement = (output: string): Confinement => Confinement.parse(JSON.parse(output));

/** What an app may do that it must not. */
export function confinementFaults(confinement: Confinement): readonly string[] {
  const { uid, gid, status, writes, token, secretsInEnvironment } = confinement;
  return [
    ...(uid === 65532 && gid === 65532 && /^65532\s/.test(status('Uid'))
      ? []
      : [`runs as ${uid}:${gid}, and the app as ${status('Uid')}`]),
    ...['CapInh', 'CapPrm', 'CapEff', 'CapBnd']
      .filter((set) => !/^0+$/.test(status(set)))
      .map((set) => `${set} is ${status(set)}`),
    ...(status('NoNewPrivs') === '1' ? [] : [`NoNewPrivs is ${status('NoNewPrivs')}`]),
    ...Object.entries(writes)
      .filter(([, outcome]) => outcome !== 'EROFS')
      .map(([path, outcome]) => `${path}: ${outcome}`),
    ...(token ? ['has a token of the Kubernetes API'] : []),
    ...secretsInEnvironment.map((name) => `${name} is in the environment`),
  ];
}
