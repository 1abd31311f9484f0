import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { Callers } from '@rookery/contracts';
import { repository } from '@rookery/devkit/stack/repository';
import { inspectorPortOf } from '@rookery/devkit/stack/settings';

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const exists = (path: string): boolean => existsSync(join(repository, path));
const json = <T>(path: string, schema: z.ZodType<T>): T => schema.parse(JSON.parse(read(path)));

const PackageJson = z.object({
  scripts: z.record(z.string(), z.string()),
  devDependencies: z.object({ node: z.string() }),
});
const Launch = z.object({
  configurations: z.array(
    z.object({
      name: z.string(),
      request: z.enum(['attach', 'launch']),
      port: z.number().optional(),
      outFiles: z.array(z.string()).default([]),
      runtimeExecutable: z.string().optional(),
      runtimeArgs: z.array(z.string()).default([]),
      program: z.string().optional(),
    }),
  ),
});
const Tasks = z.object({ tasks: z.array(z.object({ command: z.string() })) });
const Serve = z.object({ targets: z.object({ serve: z.object({ options: z.object({ port: z.number() }) }) }) });

const { scripts, devDependencies } = json('package.json', PackageJson);

describe('.nvmrc', () => {
  it('names the Node that package.json pins', () => {
    expect(read('.nvmrc')).toBe(`${devDependencies.node}\n`);
  });
});

describe('the development container', () => {
  it('has the major version of that Node', () => {
    const [major] = devDependencies.node.split('.');
    expect(read('.devcontainer/devcontainer.json')).toContain(`/javascript-node:${major}-`);
  });
});

describe('the settings for VS Code', () => {
  const { configurations } = json('.vscode/launch.json', Launch);
  const inWorkspace = (path = ''): string => path.replace('${workspaceFolder}/', '');

  it('attach to each app on its own port', () => {
    const attached = configurations.filter(({ request }) => request === 'attach');
    expect(attached.map(({ name, port, outFiles }) => ({ name, port, outFiles }))).toEqual(
      Callers.map((app) => ({
        name: `Attach to ${app}`,
        port: inspectorPortOf(app),
        outFiles: [`\${workspaceFolder}/dist/apps/${app}/**/*.js`],
      })),
    );
  });

  it.each(Callers)('find %s there under nx serve too', (app) => {
    const { targets } = json(`apps/${app}/project.json`, Serve);
    expect(targets.serve.options.port).toBe(inspectorPortOf(app));
  });

  it('run a spec on the pinned Node, with the flags of npm run spec', () => {
    const launched = configurations.filter(({ request }) => request === 'launch');
    expect(launched.map(({ runtimeExecutable }) => inWorkspace(runtimeExecutable))).toEqual([
      'node_modules/node/bin/node',
    ]);
    const program = read('tools/cli/child.ts');
    for (const { program: jest, runtimeArgs } of launched) {
      expect(exists(inWorkspace(jest))).toBe(true);
      expect(runtimeArgs.filter((flag) => !program.includes(`'${flag}'`))).toEqual([]);
      expect(runtimeArgs).toContain('--experimental-vm-modules');
    }
  });

  it('name npm scripts that exist', () => {
    const named = json('.vscode/tasks.json', Tasks).tasks.map(
      ({ command }) => /^npm (?:run )?(?<script>[\w:-]+)/.exec(command)?.groups?.['script'] ?? command,
    );
    expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
  });
});

describe('the forms for issues', () => {
  const Form = z.object({
    name: z.string(),
    description: z.string(),
    body: z.array(z.object({ type: z.enum(['markdown', 'textarea', 'input', 'dropdown', 'checkboxes']) })).min(1),
  });
  const forms = globSync('.github/ISSUE_TEMPLATE/*.yml', { cwd: repository }).filter(
    (path) => !path.endsWith('/config.yml'),
  );

  it('have what GitHub asks for', () => {
    expect(forms.length).toBeGreaterThan(1);
    for (const path of forms) {
      expect(Form.safeParse(parse(read(path))).error).toBeUndefined();
    }
  });
});

describe('CODEOWNERS', () => {
  it('names paths that exist', () => {
    const patterns = read('.github/CODEOWNERS')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(/\s+/)[0] ?? '');
    expect(patterns).toContain('*');
    expect(patterns.filter((pattern) => pattern !== '*' && !exists(pattern))).toEqual([]);
  });
});

describe('CONTRIBUTING.md', () => {
  it.each(Callers)('says on which port a debugger finds %s', (app) => {
    expect(read('CONTRIBUTING.md')).toContain(`${app} ${inspectorPortOf(app)}`);
  });

  it('names npm scripts that exist', () => {
    const named = [...read('CONTRIBUTING.md').matchAll(/\bnpm run (?:-s )?(?<script>[\w:-]+)/g)].map(
      ({ groups }) => groups?.['script'] ?? '',
    );
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
  });
});
