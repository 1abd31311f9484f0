// Lints code planted in files that do not exist, with the rules about what may be used where of eslint.config.mjs and nothing else.
// stdin: [{ file, code }] · stdout: [[rule id, …], …] in the same order. A process of its own, because Jest's module
// loader is not the one ESLint and Nx expect.
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import config from '../../../../eslint.config.mjs';

const rules = new Set([
  '@nx/enforce-module-boundaries',
  'no-restricted-imports',
  'no-restricted-properties',
  'no-restricted-syntax',
]);
const boundaries = config.map((entry) => ({
  ...entry,
  ...(entry.languageOptions && { languageOptions: { parser: tseslint.parser } }),
  ...(entry.rules && { rules: Object.fromEntries(Object.entries(entry.rules).filter(([rule]) => rules.has(rule))) }),
}));

const eslint = new ESLint({
  overrideConfigFile: true,
  overrideConfig: boundaries,
  cwd: new URL('../../../..', import.meta.url).pathname,
});

let input = '';
for await (const chunk of process.stdin) input += chunk;
const results = [];
for (const { file, code } of JSON.parse(input)) {
  const [result] = await eslint.lintText(code, { filePath: file, warnIgnored: true });
  results.push(result.messages.map((message) => message.ruleId ?? message.message));
}
process.stdout.write(JSON.stringify(results));
