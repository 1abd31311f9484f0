import { readFileSync } from 'node:fs';
import type { z } from 'zod';

/** A schema of settings: one field per variable. */
export type SettingsSchema = z.ZodObject<Readonly<Record<string, z.ZodType>>>;

type Environment = Readonly<Record<string, string | undefined>>;

/** An unusable setting: its variable and the reason, never its value. */
interface BadSetting {
  readonly name: string;
  readonly reason: string;
  readonly description: string;
}

/** One variable of a schema, for `.env.example` and the documentation. */
export interface Setting {
  readonly name: string;
  readonly description: string;
  /** The default as written in an environment; undefined without one. */
  readonly defaultValue: string | undefined;
  /** The process cannot start without it. */
  readonly required: boolean;
  /** Marked as `SECRET`. */
  readonly secret: boolean;
}

/**
 * Reads a process's settings, or reports all their errors on stderr and exits with status 1.
 * `X_FILE` names a file that holds the value of `X` (white space around it is dropped); giving both is an error.
 * Variables that the schema does not name are ignored. Values are never printed: they may be secrets.
 */
export function loadConfig<Schema extends SettingsSchema>(
  schema: Schema,
  { name, env = process.env }: { readonly name: string; readonly env?: Environment },
): z.output<Schema> {
  const result = parseConfig(schema, env);
  if (result.ok) {
    return result.config;
  }
  process.stderr.write(describeBadSettings(name, result.bad));
  return process.exit(1);
}

/** `loadConfig` without the exit, for tools and tests. */
export function parseConfig<Schema extends SettingsSchema>(
  schema: Schema,
  env: Environment,
):
  | { readonly ok: true; readonly config: z.output<Schema> }
  | { readonly ok: false; readonly bad: readonly BadSetting[] } {
  const bad: BadSetting[] = [];
  const values: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    const read = readSetting(name, env);
    if (read.reason !== undefined) {
      bad.push({ name, reason: read.reason, description: describe(schema, name) });
    }
    if (read.value !== undefined) {
      values[name] = read.value;
    }
  }
  const unreadable = new Set(bad.map((setting) => setting.name));
  const parsed = schema.safeParse(values);
  if (parsed.success && bad.length === 0) {
    return { ok: true, config: parsed.data };
  }
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0] ?? '(settings)');
    if (unreadable.has(name)) {
      continue;
    }
    unreadable.add(name);
    const missing = name in schema.shape && values[name] === undefined;
    bad.push({ name, reason: missing ? 'is missing' : reasonOf(issue), description: describe(schema, name) });
  }
  return { ok: false, bad };
}

/** Every variable of a schema in its order, with description and default. */
export function listSettings(schema: SettingsSchema): readonly Setting[] {
  return Object.keys(schema.shape).map((name) => {
    const field = schema.shape[name];
    const absent = field?.safeParse(undefined);
    const value: unknown = absent?.success === true ? absent.data : undefined;
    return {
      name,
      description: describe(schema, name),
      defaultValue: value === undefined || value === null ? undefined : asText(value),
      required: absent?.success !== true,
      secret: field?.meta()?.['secret'] === true,
    };
  });
}

function readSetting(name: string, env: Environment): { readonly value?: string; readonly reason?: string } {
  // Compose files and Kubernetes manifests cannot unset a variable: an empty one counts as unset.
  const direct = env[name] === '' ? undefined : env[name];
  const file = env[`${name}_FILE`] === '' ? undefined : env[`${name}_FILE`];
  if (file === undefined) {
    return direct === undefined ? {} : { value: direct };
  }
  if (direct !== undefined) {
    return { reason: `is given twice: by ${name} and by ${name}_FILE` };
  }
  try {
    return { value: readFileSync(file, 'utf8').trim() };
  } catch {
    return { reason: `cannot be read: ${name}_FILE names no readable file` };
  }
}

function reasonOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'custom':
      return issue.message;
    default:
      // zod's own messages name the expectation and the received type, never the value.
      return `is wrong: ${issue.message}`;
  }
}

/** The report of `loadConfig`: names, reasons and descriptions, never a value. */
export function describeBadSettings(name: string, bad: readonly BadSetting[]): string {
  const width = Math.max(...bad.map((setting) => setting.name.length));
  const head = `${name} cannot start: ${bad.length === 1 ? '1 setting is' : `${bad.length} settings are`} wrong`;
  const lines = bad.map(
    (setting) =>
      `  ${setting.name.padEnd(width)}  ${setting.reason}${setting.description === '' ? '' : `  (${setting.description})`}`,
  );
  return `${[head, ...lines].join('\n')}\n`;
}

function describe(schema: SettingsSchema, name: string): string {
  return schema.shape[name]?.meta()?.description ?? '';
}

function asText(value: unknown): string {
  if (Array.isArray(value)) {
    return value.map(String).join(',');
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}
