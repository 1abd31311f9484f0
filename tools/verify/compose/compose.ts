import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';

/** Folder of the compose files, relative to the repository. */
export const COMPOSE_FOLDER = 'docker';
/** The files that are put over docker/compose.yaml, by name. */
export const composeOverrides = readdirSync(join(repository, COMPOSE_FOLDER))
  .filter((name) => /^compose\..+\.yaml$/.test(name))
  .toSorted();

const Condition = z.enum(['service_started', 'service_healthy', 'service_completed_successfully']);
const Environment = z.record(z.string(), z.union([z.string(), z.number()]).transform(String));

const Service = z.looseObject({
  image: z.string(),
  build: z.object({ context: z.string(), dockerfile: z.string(), args: z.record(z.string(), z.string()) }).optional(),
  command: z.array(z.string()).default([]),
  environment: Environment.default({}),
  networks: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  profiles: z.array(z.string()).default([]),
  depends_on: z
    .union([
      z.array(z.string()).transform((names) => Object.fromEntries(names.map((name) => [name, 'service_started']))),
      z.record(
        z.string(),
        z.object({ condition: Condition }).transform(({ condition }) => condition),
      ),
    ])
    .default({}),
  healthcheck: z.looseObject({ test: z.array(z.string()).optional(), disable: z.boolean().optional() }).optional(),
});
/** One service of docker/compose.yaml. */
export type ComposeService = z.infer<typeof Service>;

const Compose = z.looseObject({
  services: z.record(z.string(), Service),
  networks: z.record(z.string(), z.unknown()),
  volumes: z.record(z.string(), z.unknown()),
});

const Override = z.object({ services: z.record(z.string(), z.looseObject({ environment: Environment.default({}) })) });

const read = (name: string): string => readFileSync(join(repository, COMPOSE_FOLDER, name), 'utf8');

/** docker/compose.yaml, with its YAML anchors resolved and its variables as they stand. */
export const readCompose = () => Compose.parse(parse(read('compose.yaml'), { merge: true }));

/** One of `composeOverrides`. `!reset` is Compose's own word for "without what the first file says". */
export const readComposeOverride = (name: string) =>
  Override.parse(
    parse(read(name), { customTags: [{ tag: '!reset', collection: 'seq', resolve: () => ({ reset: true }) }] }),
  );

const VARIABLE = /\$\{(\w+)(?::([-?])([^}]*))?\}/g;

/** A variable that a value takes from the environment of Compose. */
export interface ComposeVariable {
  readonly name: string;
  readonly fallback: string | undefined;
}

/** The variables that a text names. */
export const variablesIn = (text: string): readonly ComposeVariable[] =>
  [...text.matchAll(VARIABLE)].map(([, name = '', kind, rest]) => ({
    name,
    fallback: kind === '-' ? (rest ?? '') : undefined,
  }));

/** A text with its variables replaced, as Compose does; throws where one has neither value nor fallback. */
export function interpolate(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(VARIABLE, (_whole, name: string, kind: string | undefined, rest: string | undefined) => {
    const value = env[name] ?? '';
    if (value !== '') {
      return value;
    }
    if (kind === '-') {
      return rest ?? '';
    }
    throw new Error(`${name} is not set`);
  });
}
