import { z } from 'zod';
import { type Block, Body, type Configuration, nested, stringsIn } from './configuration';

/** What every bill is sorted by. */
export const COST_TAGS = ['rookery:team', 'rookery:service', 'rookery:environment'] as const;

/** Parts of other resources, which have no tags of their own. Whatever is not named here has to have them. */
const UNTAGGED =
  /^aws_(iam_role_policy(_attachment)?|s3_bucket_\w+|route|route_table_association|eks_access_policy_association|ce_cost_allocation_tag|ebs_encryption_by_default)$/;
const EXACT = /^\d+\.\d+\.\d+$/;
const EVERYWHERE = ['0.0.0.0/0', '::/0'];
const ANY = /(^|:)\*$/;

/** Everything that is wrong with the configuration, one line each; empty when nothing is. */
export function faultsOfConfiguration(configuration: Configuration): readonly string[] {
  return [
    ...versions(configuration),
    ...state(configuration),
    ...tags(configuration),
    ...ingress(configuration),
    ...permissions(configuration),
    ...encryption(configuration),
    ...traces(configuration),
    ...budgets(configuration),
    ...variables(configuration),
    ...references(configuration),
  ];
}

const address = ({ kind, type, name }: Block): string => `${kind === 'data' ? 'data.' : ''}${type}.${name}`;
const ofType = ({ blocks }: Configuration, type: string): readonly Block[] =>
  blocks.filter((block) => block.kind === 'resource' && block.type === type);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function versions({ settings, providers }: Configuration): readonly string[] {
  const tofu = settings.map(({ required_version: version }) => textOf(version)).find((version) => version !== '');
  const required = new Map(
    settings.flatMap((body) => nested(body, 'required_providers').flatMap((entry) => Object.entries(entry))),
  );
  const versionOf = (provider: string): string => textOf(Body.catch({}).parse(required.get(provider))['version']);
  return [
    ...(EXACT.test(tofu ?? '') ? [] : [`required_version ${tofu ?? 'is missing and'} names no exact version`]),
    ...[...new Set([...required.keys(), ...providers.map(([name]) => name)])]
      .filter((name) => !EXACT.test(versionOf(name)))
      .map((name) => `the provider ${name} has no exact version`),
  ];
}

function state({ settings }: Configuration): readonly string[] {
  const backends = settings.flatMap(({ backend }) => Object.values(Body.catch({}).parse(backend))).flat();
  const [backend] = z.array(Body).parse(backends);
  if (backend === undefined) {
    return ['the state is not kept remotely'];
  }
  return [
    ...(backend['encrypt'] === true ? [] : ['the state is not encrypted']),
    ...(backend['use_lockfile'] === true ? [] : ['the state is not locked']),
  ];
}

function tags(configuration: Configuration): readonly string[] {
  const keysOf = (value: unknown): readonly string[] => {
    const [, local] = /^\$\{local\.(\w+)\}$/.exec(textOf(value)) ?? [];
    return Object.keys(Body.catch({}).parse(local === undefined ? value : configuration.locals.get(local)));
  };
  const lacks = (...given: readonly unknown[]): readonly string[] =>
    COST_TAGS.filter((tag) => !given.flatMap(keysOf).includes(tag));
  const defaults = new Map(
    configuration.providers.map(([name, body]) => [
      body['alias'] === undefined ? name : `${name}.${textOf(body['alias'])}`,
      nested(body, 'default_tags')[0]?.['tags'],
    ]),
  );
  const untagged = configuration.blocks
    .filter(({ kind, type }) => kind === 'resource' && !UNTAGGED.test(type))
    .flatMap((block) => {
      const provider = /^\$\{(.+)\}$/.exec(textOf(block.body['provider']))?.[1] ?? 'aws';
      return lacks(block.body['tags'], defaults.get(provider)).map((tag) => `${address(block)} has no tag ${tag}`);
    });
  const machines = ofType(configuration, 'aws_launch_template').flatMap((block) => {
    const specifications = nested(block.body, 'tag_specifications');
    return ['instance', 'volume'].flatMap((made) =>
      lacks(specifications.find((one) => one['resource_type'] === made)?.['tags']).map(
        (tag) => `each ${made} of ${address(block)} has no tag ${tag}`,
      ),
    );
  });
  return [...untagged, ...machines];
}

function ingress(configuration: Configuration): readonly string[] {
  const open = (block: Block, from: unknown): readonly string[] =>
    stringsIn(from).some((text) => EVERYWHERE.includes(text)) ? [`${address(block)} lets the whole internet in`] : [];
  return [
    ...['aws_security_group', 'aws_default_security_group']
      .flatMap((type) => ofType(configuration, type))
      .flatMap((block) => open(block, block.body['ingress'])),
    ...ofType(configuration, 'aws_security_group_rule')
      .filter(({ body }) => body['type'] !== 'egress')
      .flatMap((block) => open(block, block.body)),
    ...ofType(configuration, 'aws_vpc_security_group_ingress_rule').flatMap((block) => open(block, block.body)),
    ...ofType(configuration, 'aws_eks_cluster').flatMap((block) =>
      nested(block.body, 'vpc_config').flatMap((network) =>
        // Public without a list is public for everybody.
        network['endpoint_public_access'] !== false && network['public_access_cidrs'] === undefined
          ? [`${address(block)} lets the whole internet in`]
          : open(block, network),
      ),
    ),
    ...[...configuration.variables]
      .filter(([, { default: value }]) => stringsIn(value).some((text) => EVERYWHERE.includes(text)))
      .map(([name]) => `the default of var.${name} is the whole internet`),
  ];
}

/** A statement about any action or any resource has its reason above it: `# any: it denies.` */
function permissions({ blocks, files }: Configuration): readonly string[] {
  const source = files.map(({ text }) => text).join('\n');
  const reasoned = new Set(
    [...source.matchAll(/# any: \S.*\n(?:\s*#.*\n)*\s*statement \{\s*\n\s*sid\s*=\s*"(?<sid>\w+)"/g)].map(
      ({ groups }) => groups?.['sid'],
    ),
  );
  const documents = blocks
    .filter(({ type }) => type === 'aws_iam_policy_document')
    .flatMap((block) => nested(block.body, 'statement').map((statement) => ({ block, statement })));
  const inline = blocks.filter(
    ({ kind, type, body }) =>
      kind === 'resource' && /\b(jsonencode|file)\(/.test(textOf(body['policy'])) && /iam|s3|kms/.test(type),
  );
  return [
    ...documents
      .filter(({ statement }) => {
        const { actions, resources, principals, not_actions: notActions, not_resources: notResources } = statement;
        const any = stringsIn([actions, resources, principals]).some((text) => ANY.test(text));
        return (
          (any || notActions !== undefined || notResources !== undefined) && !reasoned.has(textOf(statement['sid']))
        );
      })
      .map(
        ({ block, statement }) => `${address(block)}: ${textOf(statement['sid'])} is about anything, without a reason`,
      ),
    ...inline.map((block) => `${address(block)} is not an aws_iam_policy_document, so it cannot be checked`),
  ];
}

/** The resources of a type that are about another one. */
const about = (configuration: Configuration, type: string, field: string, other: Block): readonly Body[] =>
  ofType(configuration, type)
    .map(({ body }) => body)
    .filter((body) => textOf(body[field]) === `\${${address(other)}.id}`);

/** A key that nobody but us can take away or let others use: AWS's own (AES256) is everybody's in the account. */
function encryption(configuration: Configuration): readonly string[] {
  return [
    ...ofType(configuration, 'aws_s3_bucket').flatMap((bucket) => {
      const encrypted = about(configuration, 'aws_s3_bucket_server_side_encryption_configuration', 'bucket', bucket);
      const defaults = encrypted
        .flatMap((body) => nested(body, 'rule'))
        .flatMap((rule) => nested(rule, 'apply_server_side_encryption_by_default'));
      const own = defaults.some((one) => one['sse_algorithm'] === 'aws:kms' && one['kms_master_key_id'] !== undefined);
      const closed = about(configuration, 'aws_s3_bucket_public_access_block', 'bucket', bucket).length > 0;
      return [
        ...(encrypted.length > 0 ? [] : [`${address(bucket)} is not encrypted`]),
        ...(own ? [] : [`${address(bucket)} is not encrypted with our key`]),
        ...(closed ? [] : [`${address(bucket)} may become public`]),
      ];
    }),
    ...ofType(configuration, 'aws_kms_key')
      .filter(({ body }) => body['enable_key_rotation'] !== true)
      .map((key) => `${address(key)} is never rotated`),
    ...ofType(configuration, 'aws_eks_cluster')
      .filter(({ body }) => !stringsIn(nested(body, 'encryption_config')).includes('secrets'))
      .map((cluster) => `${address(cluster)} does not encrypt its Secrets`),
    ...ofType(configuration, 'aws_launch_template').flatMap((template) =>
      nested(template.body, 'block_device_mappings')
        .flatMap((disk) => nested(disk, 'ebs'))
        .filter((disk) => disk['encrypted'] !== true)
        .map(() => `${address(template)} has a disk that is not encrypted`),
    ),
  ];
}

const CONTROL_PLANE_LOGS = ['api', 'audit', 'authenticator', 'controllerManager', 'scheduler'];

/** What is needed after something happened: what was overwritten, who talked to whom, what the control plane did. */
function traces(configuration: Configuration): readonly string[] {
  const kept = (bucket: Block): boolean =>
    about(configuration, 'aws_s3_bucket_versioning', 'bucket', bucket)
      .flatMap((body) => nested(body, 'versioning_configuration'))
      .some((versioning) => versioning['status'] === 'Enabled');
  return [
    ...ofType(configuration, 'aws_s3_bucket')
      .filter((bucket) => !kept(bucket))
      .map((bucket) => `${address(bucket)} forgets what is overwritten`),
    ...ofType(configuration, 'aws_vpc')
      .filter((network) => about(configuration, 'aws_flow_log', 'vpc_id', network).length === 0)
      .map((network) => `${address(network)} has no flow log`),
    ...ofType(configuration, 'aws_eks_cluster').flatMap((cluster) =>
      CONTROL_PLANE_LOGS.filter((log) => !stringsIn(cluster.body['enabled_cluster_log_types']).includes(log)).map(
        (log) => `${address(cluster)} has no log of its ${log}`,
      ),
    ),
  ];
}

function budgets(configuration: Configuration): readonly string[] {
  const found = ofType(configuration, 'aws_budgets_budget');
  if (found.length === 0) {
    return ['there is no budget'];
  }
  return found.flatMap((budget) => {
    const notifications = nested(budget.body, 'notification');
    const heard = notifications.filter(
      (one) => one['subscriber_email_addresses'] !== undefined || one['subscriber_sns_topic_arns'] !== undefined,
    );
    return [
      ...(notifications.length > 0 && heard.length === notifications.length
        ? []
        : [`${address(budget)} alerts nobody`]),
      ...['ACTUAL', 'FORECASTED']
        .filter((type) => heard.every((one) => one['notification_type'] !== type))
        .map((type) => `${address(budget)} has no alert about the ${type.toLowerCase()} cost`),
    ];
  });
}

function variables({ variables: declared, expressions }: Configuration): readonly string[] {
  const used = new Set(expressions.flatMap((text) => [...text.matchAll(/\bvar\.(\w+)/g)].map(([, name]) => name)));
  return [...declared].flatMap(([name, { type, description }]) => [
    ...(type === undefined ? [`var.${name} has no type`] : []),
    ...(textOf(description) === '' ? [`var.${name} has no description`] : []),
    ...(used.has(name) ? [] : [`var.${name} is not used`]),
  ]);
}

function references({ blocks, variables: declared, locals, providers, expressions }: Configuration): readonly string[] {
  const known = new Set([
    ...blocks.map(address),
    ...[...declared.keys()].map((name) => `var.${name}`),
    ...[...locals.keys()].map((name) => `local.${name}`),
    ...providers.map(([name, { alias }]) => `${name}.${textOf(alias)}`),
  ]);
  const named = expressions.flatMap((text) =>
    [...text.matchAll(/(?<![\w."-])(?:(?:data\.)?aws_\w+\.\w+|(?:var|local|aws)\.\w+)/g)].map(
      ([reference]) => reference,
    ),
  );
  return [...new Set(named)].filter((name) => !known.has(name)).map((name) => `${name} does not exist`);
}
