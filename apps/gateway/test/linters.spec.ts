import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { lintFromString, loadConfig } from '@redocly/openapi-core';
import spectralCore from '@stoplight/spectral-core';
import spectralRulesets from '@stoplight/spectral-rulesets';

const root = new URL('../../../', import.meta.url);
const openapi = fileURLToPath(new URL('docs/api/openapi.json', root));
const source = await readFile(openapi, 'utf8');

/** Findings of Redocly with its strict rules, except those that redocly.yaml disables with a reason. */
async function redocly(text: string): Promise<readonly string[]> {
  const config = await loadConfig({ configPath: fileURLToPath(new URL('redocly.yaml', root)) });
  const problems = await lintFromString({ source: text, absoluteRef: openapi, config });
  return problems.map(({ ruleId, message, location: [where] }) => `${ruleId} at ${where?.pointer}: ${message}`);
}

/** Findings of Spectral with its recommended rules for OpenAPI, including hints. */
async function spectral(text: string): Promise<readonly string[]> {
  const linter = new spectralCore.Spectral();
  linter.setRuleset(new spectralCore.Ruleset(spectralRulesets.oas, { severity: 'recommended' }));
  const problems = await linter.run(text);
  return problems.map(({ code, message, path }) => `${code} at ${path.join('/')}: ${message}`);
}

describe.each([
  { name: 'Redocly', lint: redocly },
  { name: 'Spectral', lint: spectral },
])('the OpenAPI document, checked by $name', ({ lint }) => {
  it('has no faults', async () => {
    expect(await lint(source)).toEqual([]);
  });

  it('has faults if some are planted', async () => {
    const broken = source.replaceAll('"operationId": "Orders.place"', '"operationId": "Orders.list"');
    expect(broken).not.toBe(source);
    expect((await lint(broken)).join('\n')).toMatch(/unique/i);
  });
});
