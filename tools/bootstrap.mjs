#!/usr/bin/env node
// The program `rookery`: runs a command of tools/cli on the pinned Node, and installs first what is missing. A file in place of the command is run itself.
// Plain JavaScript without dependencies, for any Node >= 20. Speaks on stderr only: stdout belongs to the program.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PARENT_CHECK_MS = 500;
const parent = process.ppid;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const pinnedNode = join(modules, 'node/bin/node');
const stamp = join(modules, '.rookery-installed');
const installLock = join(root, '.data/install.lock');

const say = (message) => process.stderr.write(`${message}\n`);
const fail = (message) => {
  say(message);
  process.exit(1);
};
const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

if (process.platform === 'win32') fail('Rookery runs on Linux and macOS; on Windows use WSL.');
if (Number(process.versions.node.split('.')[0]) < 20) {
  fail(`Rookery needs Node 20 or newer to start; this is ${process.version}. Newer ones: https://nodejs.org`);
}

const lockHash = () =>
  createHash('sha256')
    .update(read(join(root, 'package-lock.json')))
    .digest('hex');

function pinnedNodeRuns() {
  try {
    execFileSync(pinnedNode, ['--version'], { stdio: 'ignore', timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

/** What npm says it installed, against what the lock file asks for: also right after a hand-made `npm ci`. */
function installedAsLocked() {
  const wanted = JSON.parse(read(join(root, 'package-lock.json'))).packages;
  const hidden = read(join(modules, '.package-lock.json'));
  if (hidden === '') return false;
  const installed = JSON.parse(hidden).packages;
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    if (path === '' || link === true) return true;
    const found = installed[path];
    return found === undefined ? optional === true : found.version === version;
  });
}

function upToDate() {
  if (!pinnedNodeRuns()) return false;
  const hash = lockHash();
  if (read(stamp) === hash) return true;
  if (!installedAsLocked()) return false;
  writeFileSync(stamp, hash);
  return true;
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Whether the process that made the lock still installs: its number may be another program's by now. */
function stillInstalls(pid) {
  if (!(pid > 0) || !isAlive(pid)) return false;
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).includes('bootstrap.mjs');
  } catch {
    return existsSync('/proc/self/cmdline') ? read(`/proc/${pid}/cmdline`).includes('bootstrap.mjs') : true;
  }
}

/** A lock without a number in it is one that is being written right now, or whose writer was killed. */
const isBeingWritten = () => existsSync(installLock) && Date.now() - statSync(installLock).mtimeMs < 2_000;

/** Two installs at a time would break each other: the second one waits. */
async function withInstallLock(work) {
  mkdirSync(dirname(installLock), { recursive: true });
  for (let said = false; ;) {
    try {
      const file = openSync(installLock, 'wx');
      writeFileSync(file, String(process.pid));
      closeSync(file);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const pid = Number(read(installLock));
      if (!stillInstalls(pid) && !(pid === 0 && isBeingWritten())) {
        rmSync(installLock, { force: true });
        continue;
      }
      if (!said) say(`Another process (${pid}) is installing: waiting for it (${installLock}).`);
      said = true;
      await sleep(500);
    }
  }
  const unlock = () => rmSync(installLock, { force: true });
  process.once('exit', unlock);
  try {
    return await work();
  } finally {
    unlock();
    process.off('exit', unlock);
  }
}

function explain(output) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|network/i.test(output)) {
    return 'The npm registry could not be reached. Check the connection (behind a proxy: npm config set proxy …) and run the command again.';
  }
  if (/EACCES|EPERM/.test(output))
    return `npm may not write to ${modules}. Mend its owner, then run the command again.`;
  if (/ENOSPC/.test(output)) return 'The disk is full.';
  if (/in sync/.test(output))
    return 'package.json and package-lock.json disagree: run `npm install` and commit the lock file.';
  return 'Run `npm ci` by hand to see more.';
}

async function install() {
  say(
    existsSync(modules)
      ? 'Dependencies changed: installing what package-lock.json names (npm ci).'
      : 'First run: installing what package-lock.json names (npm ci).',
  );
  const npm = process.env.npm_execpath;
  const viaNode = npm !== undefined && basename(npm) === 'npm-cli.js';
  const [command, before] = viaNode ? [process.execPath, [npm]] : ['npm', []];
  const started = Date.now();
  // Warnings hidden: EBADENGINE is about the Node that bootstraps, not the pinned one that runs.
  const child = spawn(command, [...before, 'ci', '--no-audit', '--no-fund', '--loglevel=error', '--progress=false'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const live = process.stderr.isTTY === true;
  const progress = setInterval(
    () => process.stderr.write(live ? `\r  installing … ${seconds()} s ` : `  installing … ${seconds()} s\n`),
    live ? 1_000 : 10_000,
  );
  const stop = (signal) => child.kill(signal);
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      output += error.message;
      resolve(127);
    });
    child.on('exit', (exitCode, signal) => resolve(signal === null ? exitCode : 130));
  });
  clearInterval(progress);
  process.off('SIGINT', stop).off('SIGTERM', stop);
  if (live) process.stderr.write('\r\u001b[K');
  if (code === 130) process.exit(130);
  if (code !== 0) fail(`npm ci failed after ${seconds()} s:\n${output.trim()}\n\n${explain(output)}`);
  if (!pinnedNodeRuns()) {
    fail(
      `npm ci succeeded, but the pinned Node does not run: ${pinnedNode}\nIs there a build of it for ${process.platform}-${process.arch}? npm must be allowed to run the install script of the package "node".`,
    );
  }
  writeFileSync(stamp, lockHash());
  say(`  installed in ${seconds()} s`);
}

const args = process.argv.slice(2);
const isFile = /\.m?[jt]s$/.test(args[0] ?? '');
const script = isFile ? args.shift() : 'tools/cli/main.ts';
if (!upToDate()) await withInstallLock(async () => (upToDate() ? undefined : install()));

const env = { ...process.env };
env.PATH = [join(modules, '.bin'), env.PATH ?? ''].join(delimiter);
// No program here leaves a background process behind.
env.NX_DAEMON = 'false';
// Compiled code is kept for the next start of the same file: a quarter of the CPU time that an app takes to load.
env.NODE_COMPILE_CACHE ??= join(modules, '.cache/rookery/compiled');
if (env.HTTPS_PROXY ?? env.https_proxy ?? env.HTTP_PROXY ?? env.http_proxy) env.NODE_USE_ENV_PROXY ??= '1';

const child = spawn(pinnedNode, ['--import', 'tsx', join(root, script), ...args], { cwd: root, stdio: 'inherit', env });
let told = false;
const tell = (signal) => {
  told = true;
  child.kill(signal);
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => tell(signal));
// npm tells its shell, which tells nobody, and a killed one tells nothing: the program ends with its parent process.
if (process.env.npm_lifecycle_event !== undefined) {
  setInterval(() => !told && process.ppid !== parent && tell('SIGTERM'), PARENT_CHECK_MS).unref();
}
child.on('error', (error) => fail(`${pinnedNode}: ${error.message}`));
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
