import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Callers,
  eventContracts,
  eventEdges,
  eventProducers,
  rpcContracts,
  rpcEdges,
  Services,
} from '@rookery/contracts';

const root = new URL('../../../..', import.meta.url).pathname;
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');

/** The table of services: name, owns, answers, publishes, consumes. */
const capabilities = [...page.matchAll(/^\| `(?<name>[a-z]+)` +\|(?<cells>.*)\|$/gm)].map(({ groups }) => {
  const [owns = '', answers = '', publishes = '', consumes = ''] = (groups?.['cells'] ?? '')
    .split('|')
    .map((cell) => cell.trim());
  return { name: groups?.['name'] ?? '', owns, answers, publishes, consumes };
});
const capabilityOf = (service: string) => capabilities.find(({ name }) => name === service);

describe('the capability map', () => {
  it('has one line for each app, and says what it owns', () => {
    expect(capabilities.map(({ name }) => name).toSorted()).toEqual(Callers.toSorted());
    for (const { owns } of capabilities) {
      expect(owns).not.toBe('');
    }
  });

  it.each(Services)('says of %s what it answers, publishes and consumes as the contracts do', (service) => {
    const capability = capabilityOf(service);
    const publishes = eventProducers.some((producer) => producer === service);
    expect(capability?.answers).toContain(`rpc.${service}.*`);
    expect(capability?.publishes).toBe(publishes ? `stream \`${service.toUpperCase()}\`` : '–');
    const named = Services.filter((other) => capability?.consumes.includes(other));
    expect(named.toSorted()).toEqual([...(eventEdges[service] ?? [])].toSorted());
  });
});

describe('a service', () => {
  it.each(Services)(
    '%s owns data and rules, is asked from outside and takes part in events: no nanoservice',
    (service) => {
      const sources = join(root, 'apps', service, 'src');
      expect(existsSync(join(sources, 'migrations'))).toBe(true);
      expect(globSync('**/*.entity.ts', { cwd: sources }).length).toBeGreaterThan(0);
      expect(rpcEdges.gateway).toContain(service);
      expect(rpcContracts.some((contract) => contract.service === service)).toBe(true);
      const publishes = eventContracts.some(({ producer }) => producer === service);
      expect(publishes || (eventEdges[service] ?? []).length > 0).toBe(true);
    },
  );
});
