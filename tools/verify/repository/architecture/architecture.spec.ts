import { spawnSync } from 'node:child_process';
import { z } from 'zod';

const BOUNDARY = '@nx/enforce-module-boundaries';
const root = new URL('../../../..', import.meta.url).pathname;

const importing = (file: string, specifier: string) => ({
  file,
  code: `import * as planted from '${specifier}';\nvoid planted;\n`,
});

/** What each rule of docs/architecture.md forbids: one planted import per rule. */
const forbidden = [
  ['contracts imports no other project', importing('libs/contracts/src/planted.ts', '@rookery/platform'), BOUNDARY],
  ['platform does not look up to security', importing('libs/platform/src/planted.ts', '@rookery/security'), BOUNDARY],
  ['platform does not look up to messaging', importing('libs/platform/src/planted.ts', '@rookery/messaging'), BOUNDARY],
  ['security does not look up to messaging', importing('libs/security/src/planted.ts', '@rookery/messaging'), BOUNDARY],
  [
    'messaging does not know the database',
    importing('libs/messaging/src/planted.ts', '@rookery/persistence'),
    BOUNDARY,
  ],
  [
    'persistence does not know the broker',
    importing('libs/persistence/src/planted.ts', '@rookery/messaging'),
    BOUNDARY,
  ],
  ['resilience does not know the broker', importing('libs/resilience/src/planted.ts', '@rookery/messaging'), BOUNDARY],
  [
    'resilience does not look up to security',
    importing('libs/resilience/src/planted.ts', '@rookery/security'),
    BOUNDARY,
  ],
  ['persistence does not know tokens', importing('libs/persistence/src/planted.ts', '@rookery/security'), BOUNDARY],
  ['the gateway has no database', importing('apps/gateway/src/planted.ts', '@rookery/persistence'), BOUNDARY],
  ['an app never imports an app', importing('apps/orders/src/planted.ts', '../../products/src/main'), BOUNDARY],
  ['end-to-end tests see only the outside', importing('apps/e2e/test/planted.ts', '../../orders/src/main'), BOUNDARY],
  [
    'the devkit does not import an app',
    importing('tools/devkit/client/planted.ts', '../../../apps/orders/src/main'),
    BOUNDARY,
  ],
  [
    'the devkit knows no proof',
    importing('tools/devkit/stack/planted.ts', '@rookery/verify/repository/ledgers/ledger'),
    BOUNDARY,
  ],
  ['the devkit knows no release', importing('tools/devkit/stack/planted.ts', '@rookery/release/bom'), BOUNDARY],
  ['the devkit knows no command', importing('tools/devkit/stack/planted.ts', '../../cli/commands/start'), BOUNDARY],
  ['a proof knows no command', importing('tools/verify/repository/planted.ts', '../../cli/commands/start'), BOUNDARY],
  [
    'a release knows no proof',
    importing('tools/release/planted.ts', '@rookery/verify/repository/ledgers/ledger'),
    BOUNDARY,
  ],
  [
    'a room is imported by its name',
    importing('tools/verify/repository/planted.ts', '../../devkit/stack/ports'),
    BOUNDARY,
  ],
  [
    'end-to-end tests know no proof',
    importing('apps/e2e/test/planted.ts', '@rookery/verify/repository/ledgers/ledger'),
    BOUNDARY,
  ],
  ['end-to-end tests know no release', importing('apps/e2e/test/planted.ts', '@rookery/release/bom'), BOUNDARY],
  ['an app knows no tool', importing('apps/orders/src/planted.ts', '@rookery/devkit/stack/ports'), BOUNDARY],
  // #region part:simulation
  [
    'the saga simulation imports only services of the saga',
    importing('tools/verify/simulation/planted.ts', '../../../apps/gateway/src/main'),
    BOUNDARY,
  ],
  // #endregion part:simulation
  ['the operator’s program is a client', importing('apps/operator/src/planted.ts', '@rookery/platform'), BOUNDARY],
  ['the devkit knows no operator', importing('tools/devkit/planted.ts', '../../apps/operator/src/program'), BOUNDARY],
  [
    'a command imports no service',
    importing('tools/cli/commands/planted.ts', '../../../apps/orders/src/main'),
    BOUNDARY,
  ],
  [
    'a lib is imported by its name',
    importing('apps/orders/src/planted.ts', '../../../libs/contracts/src/index'),
    BOUNDARY,
  ],
  ['only specs import test code', importing('apps/orders/src/planted.ts', '@rookery/testing'), 'no-restricted-imports'],
  [
    'settings are read in one place',
    { file: 'apps/orders/src/planted.ts', code: 'export const port = process.env.PORT;\n' },
    'no-restricted-properties',
  ],
  [
    'a rule is handed the time of the database',
    {
      file: 'apps/orders/src/planted.ts',
      code: `import { Clock } from '@rookery/platform';\nexport const planted = Clock;\n`,
    },
    'no-restricted-imports',
  ],
  [
    'nothing is due by the clock of a process',
    { file: 'apps/payments/src/planted.ts', code: 'export const dueAt = new Date();\n' },
    'no-restricted-syntax',
  ],
  [
    'nothing in a database ends by the clock of a process',
    { file: 'libs/persistence/src/planted.ts', code: 'export const endsAt = Date.now() + 1;\n' },
    'no-restricted-syntax',
  ],
] as const;

const allowed = [
  ['an app imports every lib', importing('apps/orders/src/planted.ts', '@rookery/persistence')],
  ['a stored time is read', { file: 'apps/orders/src/planted.ts', code: 'export const at = new Date(0);\n' }],
  ['messaging imports security', importing('libs/messaging/src/planted.ts', '@rookery/security')],
  // #region part:simulation
  [
    'the saga simulation imports rules',
    importing('tools/verify/simulation/planted.ts', '../../../apps/orders/src/order/order.entity'),
  ],
  // #endregion part:simulation
  ['end-to-end tests start stacks', importing('apps/e2e/test/planted.ts', '@rookery/devkit/stack/ports')],
  [
    'a command runs the operator’s program',
    importing('tools/cli/commands/planted.ts', '../../../apps/operator/src/program'),
  ],
  ['a command runs a proof', importing('tools/cli/planted.ts', '@rookery/verify/repository/ledgers/ledger')],
  ['a spec imports test code', importing('apps/orders/src/planted.int-spec.ts', '@rookery/testing')],
] as const;

function lint(planted: readonly { file: string; code: string }[]): string[][] {
  const { stdout, stderr } = spawnSync(process.execPath, ['tools/verify/repository/architecture/planted-imports.mjs'], {
    cwd: root,
    input: JSON.stringify(planted),
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', NX_DAEMON: 'false' },
  });
  if (stdout === '') {
    throw new Error(stderr);
  }
  return z.array(z.array(z.string())).parse(JSON.parse(stdout));
}

describe('who may import whom', () => {
  const found = lint([...forbidden, ...allowed].map(([, planted]) => planted));

  it.each(forbidden.map(([rule, , expected], index) => ({ rule, expected, index })))('$rule', ({ expected, index }) => {
    expect(found[index]).toContain(expected);
  });

  it.each(allowed.map(([rule], index) => ({ rule, index: forbidden.length + index })))('allows: $rule', ({ index }) => {
    expect(found[index]).toEqual([]);
  });
});
