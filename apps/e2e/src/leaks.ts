import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { Services } from '@rookery/contracts';
import { messagesOf, streamsOf } from '@rookery/devkit/stack/broker-reader';
import type { TestStack } from '@rookery/devkit/stack/e2e-stack';
import { withDatabase } from '@rookery/devkit/stack/rows';
import { brokerLogin } from '@rookery/messaging';

/** A piece of what a system has written down: where, and what. */
export interface Piece {
  readonly where: string;
  readonly text: string;
}

/** Everything that the apps of a stack have logged, every row of their databases, and every message in their streams. */
export async function everythingWritten(stack: TestStack): Promise<readonly Piece[]> {
  return [...logLines(stack), ...(await rows(stack)), ...(await messages(stack))];
}

function logLines({ folder }: TestStack): readonly Piece[] {
  const logs = join(folder, 'logs');
  return readdirSync(logs).flatMap((file) =>
    readFileSync(join(logs, file), 'utf8')
      .split('\n')
      .map((text) => ({ where: `log of ${file.replace('.log', '')}`, text })),
  );
}

async function rows({ infrastructure }: TestStack): Promise<readonly Piece[]> {
  const found: Piece[] = [];
  for (const service of Services) {
    await withDatabase(infrastructure.databases[service], async (client) => {
      const tables = await client.query<{ name: string }>(
        `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
         WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
      );
      for (const { name } of tables.rows) {
        const { rows: texts } = await client.query<{ text: string }>(
          `SELECT row_to_json(t)::text AS text FROM ${name} t`,
        );
        for (const { text } of texts) {
          found.push({ where: `${service}: ${name.replace(/^public\./, '')}`, text });
        }
      }
    });
  }
  return found;
}

async function messages({ infrastructure }: TestStack): Promise<readonly Piece[]> {
  const admin = await connect({
    servers: infrastructure.broker.url,
    ...brokerLogin({ nkeySeed: infrastructure.broker.seeds.admin }),
  });
  try {
    const found: Piece[] = [];
    for (const { name } of await streamsOf(admin)) {
      for (const { subject, data, headers } of await messagesOf(admin, name)) {
        const lines = [...(headers ?? [])].map(([header, values]) => `${header}: ${values.join(', ')}`);
        found.push({ where: `stream ${name}`, text: [subject, ...lines, new TextDecoder().decode(data)].join('\n') });
      }
    }
    return found;
  } finally {
    await admin.close();
  }
}

/** A card token of the payment provider. */
const CARD_TOKEN = /\btok_[a-z0-9_]+/;
/** A JSON Web Token of any issuer, by its first two parts. */
const JWT = /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\./;

/** Where a secret stands, and which kind it is; never the secret itself. Each place and kind once. */
export function leaksIn(records: readonly Piece[], secrets: ReadonlyMap<string, string>): readonly string[] {
  const found = new Set<string>();
  for (const { where, text } of records) {
    for (const [secret, what] of secrets) {
      if (text.includes(secret)) {
        found.add(`${where}: ${what}`);
      }
    }
    if (CARD_TOKEN.test(text)) {
      found.add(`${where}: a card token`);
    }
    if (JWT.test(text)) {
      found.add(`${where}: a JWT`);
    }
  }
  return [...found].toSorted();
}
