import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isCelList } from '@bufbuild/cel';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';
import { cases, digest, pod } from './cases';
import { cel, celInput } from './cel';
import { kyvernoTest } from './kyverno-test';
import { concerns, judge, policies, Policy } from './policy';
import { yamlDocuments } from './resource';

const all = policies();
const named = (name: string): Policy =>
  z.custom<Policy>((found) => found !== undefined).parse(all.find(({ metadata }) => metadata.name === name));

describe('the policies', () => {
  it.each(
    cases.flatMap(({ policy, resource, refusedFor }) =>
      refusedFor === undefined ? [[policy, resource.metadata.name, resource] as const] : [],
    ),
  )('%s admits %s', (policy, _name, resource) => {
    expect(concerns(named(policy), resource)).toBe(true);
    expect(judge(named(policy))(resource)).toEqual([]);
  });

  it.each(
    cases.flatMap(({ policy, resource, refusedFor }) =>
      refusedFor === undefined ? [] : [[policy, resource.metadata.name, refusedFor, resource] as const],
    ),
  )('%s refuses %s: %s', (policy, _name, refusedFor, resource) => {
    expect(concerns(named(policy), resource)).toBe(true);
    expect(judge(named(policy))(resource)).toEqual([refusedFor]);
  });

  it('have a case that is admitted, and for each of their rules one that is refused', () => {
    const untried = all
      .filter(({ kind }) => kind === 'ValidatingPolicy')
      .flatMap(({ metadata: { name }, spec }) => [
        ...(cases.some(({ policy, refusedFor }) => policy === name && refusedFor === undefined)
          ? []
          : [`${name} admits nothing`]),
        ...spec.validations
          .filter(({ message }) => !cases.some(({ policy, refusedFor }) => policy === name && refusedFor === message))
          .map(({ message }) => `${name} never says: ${message}`),
      ]);
    expect(untried).toEqual([]);
  });

  it('leave alone what they are not about: other namespaces, other kinds, and tags on a laptop', () => {
    const everywhere = pod('elsewhere', { namespace: 'monitoring' });
    const concerned = all.filter((policy) => concerns(policy, everywhere)).map(({ metadata: { name } }) => name);
    expect(concerned).toEqual(['no-default-namespace']);
    expect(concerns(named('images-by-digest'), pod('by-tag', { namespace: 'rookery-dev' }))).toBe(false);
    expect(concerns(named('images-signed'), pod('unsigned', { namespace: 'rookery-dev' }))).toBe(false);
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'any', namespace: 'rookery' } };
    expect(all.filter((policy) => concerns(policy, map))).toEqual([]);
  });

  it('are refused here when they say something that is not evaluated here', () => {
    const [policy] = all;
    const changed = structuredClone({ ...policy, spec: { ...policy?.spec, matchConditions: [] } });
    expect(Policy.safeParse(changed).success).toBe(false);
    expect(Policy.safeParse({ ...policy, spec: { ...policy?.spec, validationActions: ['Audit'] } }).success).toBe(
      false,
    );
  });
});

describe('images-signed', () => {
  const [provenance, sbom] = ['https://slsa.dev/provenance/v1', 'https://cyclonedx.org/bom'] as const;
  const unsigned = 'The image is not signed by the pipeline on the main branch.';
  const judged = (has: readonly string[], resource = pod('any')): readonly string[] =>
    judge(named('images-signed'), new Map([[digest, new Set(has)]]))(resource);

  it('admits an image with signature, provenance and list of components', () => {
    expect(concerns(named('images-signed'), pod('any'))).toBe(true);
    expect(judged(['signature', provenance, sbom])).toEqual([]);
  });

  it.each([
    [unsigned, [provenance, sbom]],
    ['The image has no SLSA provenance signed by the pipeline.', ['signature', sbom]],
    ['The image has no CycloneDX list of components signed by the pipeline.', ['signature', provenance]],
  ])('refuses: %s', (message, has) => {
    expect(judged(has)).toEqual([message]);
  });

  it('trusts the workflow that signs, which attests in the form that Kyverno finds in the registry', () => {
    const policy = named('images-signed');
    if (policy.kind !== 'ImageValidatingPolicy') {
      throw new Error('it verifies no images');
    }
    const [{ subject }] = z
      .tuple([
        z.object({
          cosign: z.object({ keyless: z.object({ identities: z.tuple([z.object({ subject: z.url() })]) }) }),
        }),
      ])
      .transform(([{ cosign }]) => cosign.keyless.identities)
      .parse(policy.spec.attestors);
    const [, workflow = ''] =
      /^https:\/\/github\.com\/rookery\/rookery\/(\.github\/workflows\/[a-z]+\.yml)@refs\/heads\/main$/.exec(subject) ??
      [];
    const text = readFileSync(join(repository, workflow), 'utf8');
    for (const type of ['cyclonedx', 'slsaprovenance1']) {
      expect(text).toMatch(new RegExp(`cosign attest [^#]*--type ${type}`));
    }
    expect(text).toContain('cosign sign');
    expect(text).not.toMatch(/cosign (?:sign|attest) --yes (?!--new-bundle-format=false|"\$\{readable)/);
    expect(text).toContain('readable=(--new-bundle-format=false ');
    const promotion = readFileSync(join(repository, '.github/workflows/promote.yml'), 'utf8');
    expect(promotion).toContain(`/${workflow}@refs/heads/main`);
  });

  it.each(['initContainers', 'ephemeralContainers'])('sees the images of %s too', (place) => {
    const unknown = digest.replace('5e5e', '0000');
    const resource = pod('any', { spec: { [place]: [{ name: 'beside', image: unknown }] } });
    expect(judged(['signature', provenance, sbom], resource)).toContain(unsigned);
  });
});

describe('what kyverno test is given', () => {
  const [test, values, resources] = kyvernoTest(cases, '../..').map(({ text }) => yamlDocuments(text));

  it('expects of every case what is expected here', () => {
    const { results } = z
      .object({
        results: z.array(z.object({ policy: z.string(), resources: z.array(z.string()), result: z.string() })),
      })
      .parse(test?.[0]);
    expect(results.map(({ policy, resources: [name], result }) => [policy, name, result])).toEqual(
      cases.map(({ policy, resource: { metadata }, refusedFor }) => [
        policy,
        `${metadata.namespace}/${metadata.name}`,
        refusedFor === undefined ? 'pass' : 'fail',
      ]),
    );
  });

  it('has each resource once, and the label by which the API server marks each namespace', () => {
    const names = z
      .array(z.object({ kind: z.string(), metadata: z.object({ name: z.string(), namespace: z.string() }) }))
      .parse(resources)
      .map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`);
    expect(new Set(names).size).toBe(cases.length);
    const { namespaceSelector } = z.object({ namespaceSelector: z.array(z.unknown()) }).parse(values?.[0]);
    expect(namespaceSelector).toContainEqual({ name: 'rookery', labels: { 'kubernetes.io/metadata.name': 'rookery' } });
  });
});

describe('CEL here', () => {
  it('sees whole numbers as int, has macros, and fails on a field that is not there', () => {
    const evaluate = cel();
    const object = celInput({ user: 0, list: [{ port: 80 }, {}] });
    expect(evaluate('type(object.user) == int', { object })).toBe(true);
    expect(evaluate('object.list.filter(one, has(one.port)).size() == 1', { object })).toBe(true);
    expect(isCelList(evaluate('object.list + []', { object }))).toBe(true);
    expect(() => evaluate('object.list.all(one, one.port > 0)', { object })).toThrow('port');
    expect(() => evaluate('object.nothing', { object })).toThrow('nothing');
  });
});
