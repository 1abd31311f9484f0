import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { Service } from '@rookery/contracts';
import { readSettings } from '@rookery/devkit/stack/settings';
import { UserError } from '@rookery/devkit/terminal/user-error';

/** Address of a service's database: `DATABASE_URL_<SERVICE>`, else what `npm start` or `npm run infra` wrote for the service. */
export function databaseUrlOf(service: Service, env: NodeJS.ProcessEnv = process.env): string {
  const variable = `DATABASE_URL_${service.toUpperCase()}`;
  const given = env[variable];
  if (given !== undefined && given !== '') return given;
  const file = join(readSettings(env).dataFolder, 'env', `${service}.env`);
  const written = existsSync(file) ? parseEnv(readFileSync(file, 'utf8'))['DATABASE_URL'] : undefined;
  if (written !== undefined) return written;
  throw new UserError(
    `There is no database of ${service}: neither ${variable} nor ${file}.`,
    `Set ${variable}, or start the system once with \`npm start\`.`,
  );
}
