import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';
import { type Configuration, nested, readConfiguration, readValues } from './configuration';
import { COST_TAGS, faultsOfConfiguration } from './faults';

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const files = readdirSync(join(repository, 'infra'))
  .filter((name) => name.endsWith('.tf'))
  .map((name) => ({ name, text: read(`infra/${name}`) }));

const resource = ({ blocks }: Configuration, type: string, name: string) =>
  blocks.find((block) => block.type === type && block.name === name)?.body ?? {};

describe('the infrastructure', () => {
  it('is tagged, closed, least-privileged, encrypted, budgeted and pinned, and refers only to what is there', async () => {
    expect(files.length).toBeGreaterThan(5);
    expect(faultsOfConfiguration(await readConfiguration(files))).toEqual([]);
  });

  it('has an example that gives every variable without a default, and no other', async () => {
    const { variables } = await readConfiguration(files);
    const given = Object.keys(await readValues({ name: 'example.tfvars', text: read('infra/example.tfvars') }));
    const wanted = [...variables].filter(([, body]) => body['default'] === undefined).map(([name]) => name);
    expect(given.toSorted()).toEqual(wanted.toSorted());
  });

  it('is validated by the OpenTofu that it asks for', async () => {
    const { settings } = await readConfiguration(files);
    const [, version] = /tofu_version: (\S+)/.exec(read('.github/workflows/nightly.yml')) ?? [];
    expect(settings.map((body) => body['required_version'])).toContain(version);
  });

  it('gives the pipeline no role', () => {
    expect(files.filter(({ text }) => /token\.actions\.githubusercontent\.com/.test(text))).toEqual([]);
  });
});

describe('the cluster', () => {
  const Toleration = z.object({ key: z.string(), operator: z.string(), effect: z.string() });
  const Expression = z.object({ key: z.string(), operator: z.string() });
  const Spot = z.object({
    spec: z.object({
      template: z.object({
        spec: z.object({
          tolerations: z.array(Toleration),
          affinity: z.object({
            nodeAffinity: z.object({
              preferredDuringSchedulingIgnoredDuringExecution: z.array(
                z.object({ preference: z.object({ matchExpressions: z.array(Expression) }) }),
              ),
            }),
          }),
        }),
      }),
    }),
  });

  it('has spot nodes with the taint that consumers tolerate and the label that they prefer', async () => {
    const pool = resource(await readConfiguration(files), 'aws_eks_node_group', 'spot');
    const { tolerations, affinity } = Spot.parse(parse(read('k8s/components/spot/spot.yaml'))).spec.template.spec;
    const preferred = affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution
      .flatMap(({ preference }) => preference.matchExpressions)
      .map(({ key }) => key);
    const [taint] = nested(pool, 'taint');
    expect(tolerations).toEqual([{ key: taint?.['key'], operator: 'Exists', effect: 'NoSchedule' }]);
    expect(taint?.['effect']).toBe('NO_SCHEDULE');
    expect(Object.keys(z.record(z.string(), z.string()).parse(pool['labels']))).toEqual(
      expect.arrayContaining([...preferred, 'rookery.dev/pool']),
    );
  });

  it('has a folder and a role for the backups of each database, where the databases send them', async () => {
    const { locals } = await readConfiguration(files);
    const services = [...String(locals.get('databases')).matchAll(/"(\w+)"/g)].map(([, name]) => `${name}-db`);
    const clusters = readdirSync(join(repository, 'k8s/platform/production')).filter((name) => name.endsWith('-db'));
    expect(services.toSorted()).toEqual(clusters.toSorted());
    const { backup_bucket: bucket, environment } = z
      .object({ backup_bucket: z.string(), environment: z.string() })
      .parse(await readValues({ name: 'example.tfvars', text: read('infra/example.tfvars') }));
    expect(read('k8s/components/backup/object-store.yaml')).toContain(
      `destinationPath: s3://${bucket}/${environment}\n`,
    );
  });
});

const good = `
terraform {
  required_version = "1.2.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "1.2.3"
    }
  }
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = local.tags
  }
}

locals {
  tags = { ${COST_TAGS.map((tag) => `"${tag}" = "x"`).join(', ')} }
}

variable "region" {
  type        = string
  description = "Where"
}

resource "aws_kms_key" "key" {
  enable_key_rotation = true
}

resource "aws_s3_bucket" "backups" {
  bucket = "backups-of-\${var.region}"
}

resource "aws_s3_bucket_server_side_encryption_configuration" "backups" {
  bucket = aws_s3_bucket.backups.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.key.arn
    }
  }
}

resource "aws_s3_bucket_versioning" "backups" {
  bucket = aws_s3_bucket.backups.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_flow_log" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_s3_bucket_public_access_block" "backups" {
  bucket = aws_s3_bucket.backups.id
}

data "aws_iam_policy_document" "backup" {
  statement {
    sid       = "Write"
    actions   = ["s3:PutObject"]
    resources = ["\${aws_s3_bucket.backups.arn}/*"]
  }
  # any: it denies.
  statement {
    sid       = "Deny"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "backup" {
  role   = "backup"
  policy = data.aws_iam_policy_document.backup.json
}

resource "aws_vpc_security_group_ingress_rule" "office" {
  cidr_ipv4 = "192.0.2.0/24"
}

resource "aws_route" "out" {
  destination_cidr_block = "0.0.0.0/0"
}

resource "aws_launch_template" "node" {
  block_device_mappings {
    ebs {
      encrypted = true
    }
  }
  tag_specifications {
    resource_type = "instance"
    tags          = local.tags
  }
  tag_specifications {
    resource_type = "volume"
    tags          = local.tags
  }
}

resource "aws_eks_cluster" "main" {
  enabled_cluster_log_types = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
  encryption_config {
    resources = ["secrets"]
  }
  vpc_config {
    endpoint_public_access = false
  }
}

resource "aws_budgets_budget" "all" {
  notification {
    notification_type          = "ACTUAL"
    subscriber_email_addresses = ["a@example.com"]
  }
  notification {
    notification_type          = "FORECASTED"
    subscriber_email_addresses = ["a@example.com"]
  }
}
`;

describe('the check of the infrastructure', () => {
  const faults = async (text: string) => faultsOfConfiguration(await readConfiguration([{ name: 'a.tf', text }]));

  it('finds nothing wrong with a good one', async () => {
    await expect(faults(good)).resolves.toEqual([]);
  });

  it.each([
    ['OpenTofu of any version', '"1.2.3"\n  required_providers', '">= 1.2"\n  required_providers', 'no exact version'],
    ['a provider of any version', 'version = "1.2.3"\n    }', 'version = "~> 1.2"\n    }', 'aws has no exact version'],
    ['a provider without a version', 'provider "aws"', 'provider "random" {}\nprovider "aws"', 'random has no exact'],
    ['a state on a laptop', /backend[^}]*\}/, '', 'the state is not kept remotely'],
    ['a state in clear', 'encrypt      = true', '', 'the state is not encrypted'],
    ['a state that two may write', 'use_lockfile = true', '', 'the state is not locked'],
    ['a tag that is missing', '"rookery:team" = "x",', '', 'aws_kms_key.key has no tag rookery:team'],
    [
      'a provider without default tags',
      /default_tags \{[^}]*\}/,
      '',
      'aws_s3_bucket.backups has no tag rookery:service',
    ],
    [
      'machines without tags',
      '"instance"\n    tags          = local.tags',
      '"instance"',
      'each instance of aws_launch',
    ],
    [
      'disks without tags',
      'resource_type = "volume"',
      'resource_type = "network-interface"',
      'each volume of aws_launch',
    ],
    ['a door to the internet', '"192.0.2.0/24"', '"0.0.0.0/0"', 'office lets the whole internet in'],
    [
      'a door to the newer internet',
      'cidr_ipv4 = "192.0.2.0/24"',
      'cidr_ipv6 = "::/0"',
      'office lets the whole internet in',
    ],
    [
      'an old door to the internet',
      'resource "aws_route"',
      'resource "aws_security_group" "web" {\n  ingress {\n    cidr_blocks = ["0.0.0.0/0"]\n  }\n}\nresource "aws_route"',
      'aws_security_group.web lets the whole internet in',
    ],
    [
      'an API for everybody',
      'endpoint_public_access = false',
      'endpoint_public_access = true',
      'main lets the whole internet in',
    ],
    ['an API that says nothing', 'endpoint_public_access = false', '', 'main lets the whole internet in'],
    [
      'a default for everybody',
      '"Where"',
      '"Where"\n  default = "0.0.0.0/0"',
      'the default of var.region is the whole',
    ],
    ['any action', '["s3:PutObject"]', '["s3:*"]', 'Write is about anything, without a reason'],
    ['any resource', '["${aws_s3_bucket.backups.arn}/*"]', '["*"]', 'Write is about anything, without a reason'],
    [
      'all actions but some',
      'actions   = ["s3:PutObject"]',
      'not_actions = ["s3:PutObject"]',
      'Write is about anything',
    ],
    ['anything for no reason', '  # any: it denies.\n', '', 'Deny is about anything, without a reason'],
    [
      'a policy that is not read',
      'data.aws_iam_policy_document.backup.json',
      'jsonencode({})',
      'is not an aws_iam_policy_document',
    ],
    [
      'a bucket in clear',
      'resource "aws_s3_bucket_server_side_encryption_configuration" "backups" {\n  bucket = aws_s3_bucket.backups.id',
      'resource "aws_s3_bucket_server_side_encryption_configuration" "backups" {',
      'backups is not encrypted',
    ],
    [
      'a bucket that may be public',
      'resource "aws_s3_bucket_public_access_block" "backups" {\n  bucket = aws_s3_bucket.backups.id',
      'resource "aws_s3_bucket_public_access_block" "backups" {',
      'backups may become public',
    ],
    ['a bucket with a key of Amazon’s', '"aws:kms"', '"AES256"', 'backups is not encrypted with our key'],
    ['a bucket with a key that is not named', 'kms_master_key_id = aws_kms_key.key.arn', '', 'with our key'],
    ['a bucket without versions', 'status = "Enabled"', 'status = "Suspended"', 'backups forgets what is overwritten'],
    ['a network without a flow log', 'vpc_id = aws_vpc.main.id', 'subnet_id = "x"', 'aws_vpc.main has no flow log'],
    ['a control plane without a log', ', "scheduler"', '', 'aws_eks_cluster.main has no log of its scheduler'],
    ['a key for ever', 'enable_key_rotation = true', '', 'aws_kms_key.key is never rotated'],
    ['Secrets in clear', 'resources = ["secrets"]', '', 'does not encrypt its Secrets'],
    ['a disk in clear', 'encrypted = true', 'encrypted = false', 'has a disk that is not encrypted'],
    ['no budget', /resource "aws_budgets_budget"[\s\S]*/, '', 'there is no budget'],
    ['a budget that nobody hears of', /subscriber_email_addresses = .*/, '', 'aws_budgets_budget.all alerts nobody'],
    ['a budget without forecast', '"FORECASTED"', '"ACTUAL"', 'no alert about the forecasted cost'],
    ['a variable without a type', 'type        = string', '', 'var.region has no type'],
    ['a variable without a description', 'description = "Where"', '', 'var.region has no description'],
    [
      'an unused variable',
      'variable "region"',
      'variable "zone" {\n  type = string\n  description = "Where"\n}\nvariable "region"',
      'var.zone is not used',
    ],
    ['a variable that is not there', 'of-${var.region}', 'of-${var.regoin}', 'var.regoin does not exist'],
    [
      'a local that is not there',
      '"volume"\n    tags          = local.tags',
      '"volume"\n    tags          = merge(local.tags, local.more)',
      'local.more does not exist',
    ],
    [
      'a resource that is not there',
      '${aws_s3_bucket.backups.arn}/*',
      '${aws_s3_bucket.backup.arn}/*',
      'aws_s3_bucket.backup does not exist',
    ],
    [
      'data that are not there',
      'policy_document.backup.json',
      'policy_document.write.json',
      'data.aws_iam_policy_document.write does not exist',
    ],
    [
      'a provider that is not there',
      'enable_key_rotation = true',
      'enable_key_rotation = true\n  provider = aws.billing',
      'aws.billing does not exist',
    ],
  ])('finds %s', async (_what, was, is, fault) => {
    const bad = good.replace(was, is);
    expect(bad).not.toBe(good);
    await expect(faults(bad)).resolves.toContainEqual(expect.stringContaining(fault));
  });

  it('refuses a text that is not HCL', async () => {
    await expect(faults('resource "aws_vpc" {')).rejects.toThrow(/a\.tf/);
  });
});
