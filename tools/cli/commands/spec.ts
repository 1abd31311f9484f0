import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { repository } from '@rookery/devkit/stack/repository';

/** `npm run spec -- <path>…`: only these specs, without build, lint and types; `--inspect-brk` first waits for a debugger. */
const usage = `Usage: npm run spec -- [--inspect-brk[=port]] <path or pattern>… [options of Jest]
Runs only these specs on the pinned Node. Specs of apps/e2e build the apps first. With --inspect-brk Node waits for a debugger on port 9229.`;

helpWhenAsked(usage);
const args = process.argv.slice(2);
const isInspection = (argument: string): boolean => /^--inspect(-brk|-wait)?(=|$)/.test(argument);
const inspection = args.filter(isInspection);
const jest = args.filter((argument) => !isInspection(argument));
if (!jest.some((argument) => !argument.startsWith('-'))) {
  process.stderr.write(`Which specs?\n${usage}\n`);
  process.exit(1);
}
const child = spawn(
  process.execPath,
  [
    ...inspection,
    '--experimental-vm-modules',
    '--no-warnings',
    join(repository, 'node_modules/jest/bin/jest.js'),
    // A debugger sees one process only.
    ...(inspection.length > 0 ? ['--runInBand', '--testTimeout=3600000'] : []),
    ...jest,
  ],
  { cwd: repository, stdio: 'inherit' },
);
// Ctrl-C reaches Jest by itself; this process waits for its end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
child.once('exit', (code) => process.exit(code ?? 1));
