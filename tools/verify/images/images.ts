import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import { type ImageName, IMAGES } from '@rookery/devkit/stack/app-process';
import { repository } from '@rookery/devkit/stack/repository';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { productionPackages, readLockFile } from '@rookery/release/licences';
import { readCompose } from '../compose/compose';
import { findUnwanted, secretsAround, withLayers } from './contents';
import { Engine, type Image } from './engine';
import { inMegabytes, must, Report } from './report';
import { verifySignature } from './signature';
import { buildStandIns, dockerfileBase, standIns } from './stand-ins';
import type { SystemImages } from './system';
import { verifySystem } from './system-checks';

const MOST_ABOVE_BASE_MB = 120;

export interface ImagesOptions {
  /** Postgres and NATS of `npm start` in place of the official images. */
  readonly standIns?: boolean;
  /** Base of the images, as name@sha256:… or a stand-in. @default the Dockerfile's */
  readonly nodeImage?: string | undefined;
  readonly tag: string;
  /** False takes the images with that tag as they are. */
  readonly build: boolean;
  /** Leaves out the second build, which shows that layers are reproducible. */
  readonly quick?: boolean;
}

const git = (...args: readonly string[]): string =>
  execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();

/** Builds the images, inspects them and runs the whole system from them, hardened. Result: whether every check passed. */
export async function verifyImages(options: ImagesOptions, progress: Progress): Promise<boolean> {
  const engine = Engine.find();
  const report = new Report((line) => process.stdout.write(`${line}\n`));
  await verify(options, engine, progress, report);
  process.stdout.write(`\n${report.summary}, with ${engine.name}, after ${progress.elapsed}\n`);
  return report.failed === 0;
}

async function verify(options: ImagesOptions, engine: Engine, progress: Progress, report: Report): Promise<void> {
  const nodeImage = options.nodeImage ?? dockerfileBase();
  if (!(await engine.provide(nodeImage))) {
    throw new UserError(`${nodeImage} is not here and cannot be fetched.`, '--node-image names another one.');
  }
  const base = await engine.image(nodeImage);
  if (base === undefined) {
    throw new UserError(`${nodeImage} cannot be inspected.`);
  }
  if (!/@sha256:/.test(nodeImage)) {
    report.notVerified('the base is pinned by its digest', `${nodeImage} was given by its tag; CI gives a digest`);
  }
  const revision = git('rev-parse', 'HEAD');
  const build = { nodeImage, revision };
  const tagOf = (app: ImageName): string => `ghcr.io/rookery/${app}:${options.tag}`;
  if (options.build) {
    for (const app of IMAGES) {
      await progress.step(`image of ${app}`, () => engine.build({ ...build, app, tag: tagOf(app) }));
    }
  }
  for (const app of IMAGES) {
    await verifyContents(app, tagOf(app), base, options.build ? revision : undefined, engine, report);
  }
  const sameLayers = 'a second build gives the same layers';
  if (options.quick === true || !options.build) {
    report.notVerified(sameLayers, 'not built again, as asked');
  } else if (!engine.reproduces) {
    report.notVerified(sameLayers, `the default builder of ${engine.name} sets no times; podman and the pipeline do`);
  } else {
    await verifyReproducible({ ...build, app: 'payments', tag: tagOf('payments') }, engine, progress, report);
  }
  const servers = await provideServers(options.standIns === true, nodeImage, engine, progress, report);
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
  app: ImageName,
  tag: string,
  base: Image,
  revision: string | undefined,
  engine: Engine,
  report: Report,
): Promise<void> {
  const image = await engine.image(tag);
  if (image === undefined) {
    throw new UserError(`${tag} is not here.`, 'Without --no-build it is built.');
  }
  await report.check(`${app}: at most ${MOST_ABOVE_BASE_MB} MB above its base`, () => {
    const above = image.Size - base.Size;
    must(above <= MOST_ABOVE_BASE_MB * 1_000_000, inMegabytes(above));
    return inMegabytes(above);
  });
  await report.check(`${app}: numeric user without rights, no shell to start, labels`, () => {
    const { User, Entrypoint, Cmd, Labels } = image.Config;
    must(User === '65532:65532', `the user is "${User}"`);
    must(Entrypoint?.join() === 'node' && Cmd?.join() === 'main.js', `it starts ${Entrypoint?.join()} ${Cmd?.join()}`);
    const label = (name: string): string => Labels?.[`org.opencontainers.image.${name}`] ?? '';
    must(label('title') === app, `the title is "${label('title')}"`);
    must(label('source').startsWith('https://'), `the source is "${label('source')}"`);
    if (revision !== undefined) {
      must(label('revision') === revision, `the revision is "${label('revision')}"`);
    }
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
  if (secrets.size === 0) {
    report.notVerified(`${app}: secrets in its layers`, 'there are no secrets here to look for');
  }
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
