#!/usr/bin/env bash
# esbuild 0.28.2 with --keep-names: each function expression is wrapped in a call of Object.defineProperty where it stands, not once. So every closure that
# a running program makes, for each request and each event, sets its name anew; making three closures takes more than ten times as long. In a
# bundle that holds its packages this reaches their closures too (RxJS makes several for each operator of each subscription). Node 24.21.0. Seen on 2026-12-01. Exits 0 while this is so, 1 when it has changed.
# Why it matters here: esbuild.config.mjs replaces the helper by one that sets only names that esbuild has changed (decision 44).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true,"type":"module"}' >package.json
npm install --silent --no-audit --no-fund --save-exact esbuild@0.28.2

cat >listeners.js <<'JS'
export function listeners(n) {
  const onNext = (value) => value + n;
  const onError = (error) => [error, n];
  const onEnd = () => n;
  return [onNext, onError, onEnd];
}
JS
npx esbuild listeners.js --format=esm --log-level=error --outfile=plain.mjs
npx esbuild listeners.js --format=esm --log-level=error --keep-names --outfile=kept.mjs

cat >try.mjs <<'JS'
const made = new Array(1_000);
async function msFor(file) {
  const { listeners } = await import(file);
  const times = [];
  for (let round = 0; round < 6; round += 1) {
    const start = performance.now();
    for (let count = 0; count < 200_000; count += 1) made[count % made.length] = listeners(count);
    times.push(performance.now() - start);
  }
  return times.sort((one, other) => one - other)[2];
}
const plain = await msFor('./plain.mjs');
const kept = await msFor('./kept.mjs');
console.error(`${(kept / plain).toFixed(0)} times as long`);
console.log(kept / plain > 10 ? 'more than ten times as long' : 'about as fast');
JS

calls=$(grep -c '@__PURE__.*__name(' kept.mjs)
seen="calls inside the function: $calls
$(node try.mjs)"
expected='calls inside the function: 3
more than ten times as long'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "This has changed: look at namesKept in esbuild.config.mjs." >&2; exit 1; }
