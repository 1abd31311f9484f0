import { type Document, isScalar, isSeq, type Pair, parseDocument, visit } from 'yaml';
import { z } from 'zod';

/** A workflow or a composite action. */
export interface PipelineFile {
  /** From the repository's root. */
  readonly path: string;
  readonly text: string;
}

/** What the files may speak of. */
export interface PipelineSubject {
  /** Names of the npm scripts. */
  readonly scripts: readonly string[];
  /** The pinned version of Node. */
  readonly node: string;
  /** Whether a path, or a pattern with `*`, names anything. */
  exists(path: string): boolean;
}

const Step = z.object({
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
});
type Step = z.infer<typeof Step>;
const Job = z.object({
  permissions: z.unknown().optional(),
  'timeout-minutes': z.unknown().optional(),
  uses: z.string().optional(),
  steps: z.array(Step).default([]),
});
const Workflow = z.object({
  on: z.union([z.string(), z.array(z.string()), z.record(z.string(), z.unknown())]),
  permissions: z.unknown().optional(),
  jobs: z.record(z.string(), Job),
});
const Action = z.object({ runs: z.object({ steps: z.array(Step) }) });

/** Triggers whose runs have this repository's secrets while what they look at may be a stranger's. */
const TRUSTED_TRIGGERS = ['pull_request_target', 'workflow_run'];
const PINNED = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/;
const VERSION = /^\s*v\d+\.\d+\.\d+$/;
const DIGEST = /@sha256:[0-9a-f]{64}$/;
/** Paths of the repository, wherever they stand; a shell variable in one stands for anything. */
const PATHS =
  /(?<![\w.@-])(?:\.github|apps|docker|docs|infra|k8s|libs|tools)(?:\/[\w.$*-]+)+|(?<=-chdir=|cd )[\w./-]+/g;
const SCRIPTS = /\bnpm run (?:-\S+ )*(?<script>[\w:-]+)|\bnpm (?<short>test|start)\b/g;

const isAction = ({ path }: PipelineFile): boolean => /\/action\.ya?ml$/.test(path);
const isEmptyMap = (value: unknown): boolean => z.strictObject({}).safeParse(value).success;

/** Everything that is wrong with the files of a pipeline, one line each; empty when nothing is. */
export function faultsOfPipeline(files: readonly PipelineFile[], subject: PipelineSubject): readonly string[] {
  return [
    ...files.flatMap((file) => faultsOfFile(file, subject).map((fault) => `${file.path}: ${fault}`)),
    ...disagreements(files),
  ];
}

/** The shell of every step. */
export function shellOf(file: PipelineFile): readonly string[] {
  return stepsOf(file).flatMap(({ run }) => (run === undefined ? [] : [run]));
}

function faultsOfFile(file: PipelineFile, subject: PipelineSubject): readonly string[] {
  const document = parseDocument(file.text);
  return [
    ...(isAction(file) ? [] : faultsOfWorkflow(Workflow.parse(document.toJS()))),
    ...pairsOf(document).flatMap((pair) => faultsOfPair(pair, subject)),
    ...stepsOf(file).flatMap(faultsOfStep),
    ...stringsIn(document).flatMap((text) => faultsOfText(text, subject)),
  ];
}

function faultsOfWorkflow({ on, permissions, jobs }: z.infer<typeof Workflow>): readonly string[] {
  const triggers = typeof on === 'string' ? [on] : Array.isArray(on) ? on : Object.keys(on);
  const checksOut = Object.values(jobs).some(({ steps }) => steps.some(isCheckout));
  return [
    ...(isEmptyMap(permissions) ? [] : ['its own permissions are not {}']),
    ...TRUSTED_TRIGGERS.filter((trigger) => checksOut && triggers.includes(trigger)).map(
      (trigger) => `${trigger} with a checkout: a stranger's code would run with our secrets`,
    ),
    ...Object.entries(jobs).flatMap(([name, job]) => [
      ...(isMapOfPermissions(job.permissions) ? [] : [`the job ${name} does not list its permissions`]),
      // A called workflow has its own.
      ...(typeof job['timeout-minutes'] === 'number' || job.uses !== undefined
        ? []
        : [`the job ${name} has no timeout-minutes`]),
    ]),
  ];
}

const isMapOfPermissions = (value: unknown): boolean =>
  z.record(z.string(), z.enum(['read', 'write', 'none'])).safeParse(value).success;

const isCheckout = ({ uses = '' }: Step): boolean => uses.startsWith('actions/checkout@');

function faultsOfStep(step: Step): readonly string[] {
  const { run = '', with: inputs = {} } = step;
  return [
    ...(run.includes('${{')
      ? [`an expression inside of run, which a title or a branch name can turn into code: ${firstLine(run)}`]
      : []),
    ...(isCheckout(step) && inputs['persist-credentials'] !== false
      ? ['a checkout leaves its credentials behind (persist-credentials: false is missing)']
      : []),
  ];
}

function faultsOfPair({ key, value }: Pair, subject: PipelineSubject): readonly string[] {
  if (!isScalar(key) || !isScalar(value)) {
    return [];
  }
  const name = String(key.value);
  const text = String(value.value);
  if (name === 'uses') {
    return faultsOfUse(text, value.comment ?? '', subject);
  }
  if (name === 'node-version' && text !== subject.node) {
    return [`Node ${text} is not the ${subject.node} of package.json`];
  }
  if (/image$/i.test(name) && !text.includes('${{')) {
    return faultsOfImage(text, subject);
  }
  return [];
}

function faultsOfUse(uses: string, comment: string, subject: PipelineSubject): readonly string[] {
  if (uses.startsWith('./')) {
    const path = uses.slice(2);
    return subject.exists(path) ? [] : [`${path} does not exist`];
  }
  if (!PINNED.test(uses)) {
    return [`${uses} is not pinned by a commit`];
  }
  return VERSION.test(comment) ? [] : [`${uses} does not say its version (# v1.2.3)`];
}

function faultsOfImage(image: string, { node }: PipelineSubject): readonly string[] {
  if (!DIGEST.test(image)) {
    return [`the image ${image} is not pinned by its digest`];
  }
  const [, version] = /\bnode:(\d+\.\d+\.\d+)/.exec(image.replace('kindest/node', '')) ?? [];
  return version === undefined || version === node
    ? []
    : [`the image of Node ${version} is not the ${node} of package.json`];
}

function faultsOfText(text: string, subject: PipelineSubject): readonly string[] {
  const paths = [...text.matchAll(PATHS)].map(([path]) => path.replace(/\.$/, '').replace(/\$\w+/g, '*'));
  const called = [...text.matchAll(SCRIPTS)].map(({ groups }) => groups?.['script'] ?? groups?.['short'] ?? '');
  return [
    ...paths.filter((path) => !subject.exists(path)).map((path) => `${path} does not exist`),
    ...called.filter((name) => !subject.scripts.includes(name)).map((name) => `there is no npm script "${name}"`),
  ];
}

/** The same action, or the same image, at two versions. */
function disagreements(files: readonly PipelineFile[]): readonly string[] {
  const pins = files
    .flatMap(({ text }) => pairsOf(parseDocument(text)))
    .flatMap(({ key, value }) => (isScalar(key) && isScalar(value) ? [[String(key.value), String(value.value)]] : []))
    .flatMap(([key = '', value = '']) => {
      if (key === 'uses' && !value.startsWith('./')) {
        return [value.split('@')];
      }
      return /_IMAGE$/.test(key) ? [[key, value]] : [];
    });
  const versions = Map.groupBy(pins, ([name]) => name ?? '');
  return [...versions]
    .filter(([, found]) => new Set(found.map(([, version]) => version)).size > 1)
    .map(([name]) => `${name} is used at more than one version`);
}

function stepsOf(file: PipelineFile): readonly Step[] {
  const content: unknown = parseDocument(file.text).toJS();
  if (isAction(file)) {
    return Action.parse(content).runs.steps;
  }
  return Object.values(Workflow.parse(content).jobs).flatMap(({ steps }) => steps);
}

function pairsOf(document: Document): readonly Pair[] {
  const pairs: Pair[] = [];
  visit(document, {
    Pair: (_key, pair) => {
      pairs.push(pair);
    },
  });
  return pairs;
}

/** Every text of the document but what `uses` names, which has rules of its own. */
function stringsIn(document: Document): readonly string[] {
  return pairsOf(document)
    .filter(({ key }) => !isScalar(key) || key.value !== 'uses')
    .flatMap(({ value }) => (isSeq(value) ? value.items : [value]))
    .flatMap((node) => (isScalar(node) && typeof node.value === 'string' ? [node.value] : []));
}

const firstLine = (text: string): string => text.split('\n')[0] ?? '';
