import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';
import { UserError, WRONG_USAGE } from '@rookery/devkit/terminal/user-error';
import { type App, Apps, type Environment, Environments, overlayOf } from '@rookery/release/overlay-images';
import { before, promote, type Request } from '@rookery/release/promotion';
import { type Run, running } from '../run';

interface Options {
  readonly to: Environment;
  readonly from?: Environment;
  readonly app: readonly string[];
  readonly digest: readonly string[];
}

const collected = (value: string, earlier: readonly string[]): readonly string[] => [...earlier, value];

export function addReleasePromote(parent: Command): void {
  parent
    .command('promote')
    .addOption(new Option('--to <environment>', 'the target').choices(Environments).makeOptionMandatory())
    .addOption(new Option('--from <environment>', 'exactly the digests of the stage before').choices(Environments))
    .option('--app <app>', 'one app, with its --digest; both may be repeated', collected, [])
    .option('--digest <digest>', 'sha256:…', collected, [])
    .addHelpText(
      'after',
      `
It edits the environment's kustomization.yaml (of dev: k8s/overlays/dev-shared) and prints what changed as lines for the pull request.
  rookery release promote --from dev --to staging
  rookery release promote --app orders --digest sha256:… --to dev`,
    )
    .action(running(promoteDigests));
}

const fileOf = (environment: Environment): string => join(repository, overlayOf(environment), 'kustomization.yaml');

async function promoteDigests(_run: Run, options: Options): Promise<undefined> {
  const request = requestOf(options);
  const { overlay, changes } = promote(request, (environment) => readFileSync(fileOf(environment), 'utf8'));
  if (changes.length > 0) {
    writeFileSync(fileOf(request.to), overlay.text);
  }
  for (const { app, from, to } of changes) {
    process.stdout.write(`- ${app}: ${to} (was ${from ?? 'a tag'})\n`);
  }
  process.stderr.write(
    changes.length === 0 ? `${request.to} has these digests already\n` : `${request.to}: ${changes.length} changed\n`,
  );
}

function requestOf({ to, from, app, digest }: Options): Request {
  if (from !== undefined) {
    if (from !== before(to)) {
      throw wrong(`${from} to ${to} would skip a stage.`);
    }
    if (app.length + digest.length > 0) {
      throw wrong('Give --from, or --app and --digest.');
    }
    return { to, digests: 'as-before' };
  }
  if (app.length === 0 || app.length !== digest.length) {
    throw wrong('Each --app needs its --digest.');
  }
  return { to, digests: new Map(app.map((name, index): [App, string] => [appNamed(name), digest[index] ?? ''])) };
}

function appNamed(name: string): App {
  const app = z.enum(Apps).safeParse(name);
  if (!app.success) {
    throw wrong(`--app is one of ${Apps.join(', ')}.`);
  }
  return app.data;
}

const wrong = (message: string): UserError =>
  new UserError(message, '`rookery release promote --help` has examples.', WRONG_USAGE);
