import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { printFailure } from '@rookery/devkit/terminal/progress';
import { repository } from '@rookery/devkit/stack/repository';
import { StackError } from '@rookery/devkit/terminal/stack-error';
import { Apps, Environments, overlayOf, type App, type Environment } from '@rookery/release/overlay-images';
import { before, promote, type Request } from '@rookery/release/promotion';

const usage = `Usage: npm run promote -- --from dev --to staging          every app, exactly the digests of dev
       npm run promote -- --app orders --digest sha256:… --to dev   one app; --app and --digest may be repeated
It edits the environment's kustomization.yaml (of dev: k8s/overlays/dev-shared) and prints what changed as lines for the pull request.`;

const fileOf = (environment: Environment): string => join(repository, overlayOf(environment), 'kustomization.yaml');

function oneOf<Value extends string>(name: string, allowed: readonly Value[], given: string | undefined): Value {
  const value = z.enum(allowed).safeParse(given);
  if (!value.success) throw new StackError(`--${name} is one of ${allowed.join(', ')}.`, usage);
  return value.data;
}

function options() {
  helpWhenAsked(usage);
  try {
    return parseArgs({
      options: {
        from: { type: 'string' },
        to: { type: 'string' },
        app: { type: 'string', multiple: true, default: [] },
        digest: { type: 'string', multiple: true, default: [] },
      },
    }).values;
  } catch (error) {
    throw new StackError(error instanceof Error ? error.message : String(error), usage);
  }
}

function request(): Request {
  const { from, to, app, digest } = options();
  const target = oneOf('to', Environments, to);
  if (from !== undefined) {
    const source = oneOf('from', Environments, from);
    if (source !== before(target)) throw new StackError(`${source} to ${target} would skip a stage.`, usage);
    if (app.length + digest.length > 0) throw new StackError('Give --from, or --app and --digest.', usage);
    return { to: target, digests: 'as-before' };
  }
  if (app.length === 0 || app.length !== digest.length) throw new StackError('Each --app needs its --digest.', usage);
  const pairs = app.map((name, index): [App, string] => [oneOf('app', Apps, name), digest[index] ?? '']);
  return { to: target, digests: new Map(pairs) };
}

try {
  const asked = request();
  const { overlay, changes } = promote(asked, (environment) => readFileSync(fileOf(environment), 'utf8'));
  if (changes.length > 0) writeFileSync(fileOf(asked.to), overlay.text);
  for (const { app, from, to } of changes) process.stdout.write(`- ${app}: ${to} (was ${from ?? 'a tag'})\n`);
  process.stderr.write(
    changes.length === 0 ? `${asked.to} carries them already\n` : `${asked.to}: ${changes.length} changed\n`,
  );
} catch (error) {
  printFailure(error);
  process.exitCode = 1;
}
