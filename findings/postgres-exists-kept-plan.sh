#!/usr/bin/env bash
# PostgreSQL 18.6 (in PGlite 0.5.14): a prepared statement with `condition OR EXISTS (correlated subquery)` that was first executed while its table was
# empty keeps a plan that hashes all rows of the subquery's constant part. With 20,000 rows it reads all of them to look ten up, although an index has each, and
# although enable_seqscan is off: the plan reads them through the primary key. The same condition as a scalar subquery never does.
# ANALYZE makes a new plan; until then nothing does. Seen on 2026-12-01. Exits 0 while this is so, 1 when it has changed.
# Why it matters here: libs/persistence/src/inbox.ts looks predecessors up in a scalar subquery (decision 45).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true,"type":"module"}' >package.json
npm install --silent --no-audit --no-fund --save-exact @electric-sql/pglite@0.5.14

cat >try.mjs <<'JS'
import { PGlite } from '@electric-sql/pglite';

const db = await PGlite.create();
await db.exec(`
  CREATE TABLE seen (consumer text, event uuid, aggregate uuid, sequence integer, PRIMARY KEY (consumer, event));
  CREATE INDEX ON seen (aggregate, sequence);
  ALTER TABLE seen SET (autovacuum_enabled = off);
  SET enable_seqscan = off;`);
const due = (predecessor) => `SELECT count(*) FROM unnest($2::uuid[], $3::integer[]) AS event (aggregate, sequence)
  WHERE event.sequence = 1 OR ${predecessor}`;
const where = 'FROM seen WHERE consumer = $1 AND seen.aggregate = event.aggregate AND seen.sequence = event.sequence - 1';
const forms = { exists: `EXISTS (SELECT ${where})`, scalar: `(SELECT true ${where} LIMIT 1)` };
const ten = (value) => `'{${Array(10).fill(value).join(',')}}'`;
const call = (form) => `EXECUTE ${form} ('c', ${ten('00000000-0000-0000-0000-000000000000')}, ${ten(2)})`;

async function rowsRead(form) {
  const { rows } = await db.query(`EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${call(form)}`);
  const nodes = (node) => [node, ...(node.Plans ?? []).flatMap(nodes)];
  return nodes(rows[0]['QUERY PLAN'][0].Plan)
    .filter((node) => node['Relation Name'] === 'seen' && node['Node Type'] !== 'BitmapOr')
    .reduce((sum, node) => sum + node['Actual Rows'] * node['Actual Loops'], 0);
}

for (const [form, predecessor] of Object.entries(forms)) {
  await db.exec(`PREPARE ${form} (text, uuid[], integer[]) AS ${due(predecessor)}`);
  for (let time = 0; time < 8; time += 1) await db.exec(call(form));
}
await db.exec(`INSERT INTO seen SELECT 'c', gen_random_uuid(), gen_random_uuid(), 1 FROM generate_series(1, 20000)`);
const { rows: [{ server_version: version }] } = await db.query('SHOW server_version');
console.log(`PostgreSQL ${version.split(' ')[0]}`);
for (const form of Object.keys(forms)) console.log(`${form}, plan of the empty table: ${await rowsRead(form)} rows read`);
await db.exec('ANALYZE seen');
for (const form of Object.keys(forms)) console.log(`${form}, after ANALYZE: ${await rowsRead(form)} rows read`);
await db.close();
JS

seen=$(node try.mjs)
expected='PostgreSQL 18.6
exists, plan of the empty table: 20000 rows read
scalar, plan of the empty table: 0 rows read
exists, after ANALYZE: 0 rows read
scalar, after ANALYZE: 0 rows read'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "This has changed: look at RECORD in the inbox." >&2; exit 1; }
