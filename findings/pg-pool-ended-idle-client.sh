#!/usr/bin/env bash
# pg 8.23.1 (pg-pool 3): a client that is ended while it is idle stays in its pool. The pool counts it as idle, hands it out to the next
# caller, and that caller's query fails with "Client was closed and is not queryable"; only then is the client dropped.
# Seen on 2026-11-30 with PGlite 0.5.14 as the server; PostgreSQL 18.4 gave the same. Exits 0 while this is so, 1 when it has changed.
# Why it matters here: libs/persistence/src/renewable-pool.ts looks at each client that its pool hands out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true,"type":"module"}' >package.json
# The socket server names optional extensions as peers; none is needed.
npm install --silent --no-audit --no-fund --save-exact --legacy-peer-deps \
  pg@8.23.1 @electric-sql/pglite@0.5.14 @electric-sql/pglite-socket@0.2.17

cat >try.mjs <<'JS'
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import pg from 'pg';

const db = await PGlite.create();
const server = new PGLiteSocketServer({ db, port: 0, host: '127.0.0.1' });
await server.start();
const port = Number(server.getServerConn().split(':')[1]);
const pool = new pg.Pool({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', max: 1 });
const ask = () => pool.query('SELECT 1').then(() => 'answered', (error) => error.message);

const client = await pool.connect();
client.release();
await client.end();
console.log(`idle: ${pool.idleCount}`);
console.log(`first query: ${await ask()}`);
console.log(`second query: ${await ask()}`);
await pool.end();
await server.stop();
await db.close();
JS

seen=$(node try.mjs)
expected='idle: 1
first query: Client was closed and is not queryable
second query: answered'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "This has changed: look at RenewablePool." >&2; exit 1; }
