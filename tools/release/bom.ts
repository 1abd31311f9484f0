import { join } from 'node:path';
import { Version } from '@cyclonedx/cyclonedx-library/Spec';
import { JsonStrictValidator } from '@cyclonedx/cyclonedx-library/Validation';
import { v5 as uuidv5 } from 'uuid';
import { z } from 'zod';
import type { ImageName } from '@rookery/devkit/stack/app-process';
import { repository } from '@rookery/devkit/stack/repository';
import { outputOf } from '@rookery/devkit/terminal/run-program';
import { UserError } from '@rookery/devkit/terminal/user-error';

/** Of our bills of materials: the same content has the same number in it (RFC 9562, version 5). */
const NAMESPACE = 'b1a34c0e-5f1d-4d5c-9d8c-7c0f5a1b2e64';

const Bom = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.literal('1.5'),
  metadata: z.looseObject({ component: z.looseObject({ name: z.string() }) }),
  components: z.array(z.looseObject({ name: z.string(), version: z.string(), purl: z.string() })),
});
/** A CycloneDX document: everything an app is made of. */
export type Bom = z.infer<typeof Bom>;

/** When the commit was made: the same commit gives the same document. */
async function commitTime(): Promise<string> {
  const given = process.env['SOURCE_DATE_EPOCH'] ?? '';
  const seconds = given === '' ? await outputOf('git', ['log', '-1', '--format=%ct'], { cwd: repository }) : given;
  return new Date(Number(seconds) * 1_000).toISOString();
}

/** The bill of materials of a built app's production tree, by npm itself, without what differs from run to run. */
export async function bomOf(app: ImageName): Promise<Bom> {
  const folder = join(repository, 'dist/apps', app);
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only', '--omit', 'dev'];
  const printed = await outputOf('npm', args, { cwd: folder });
  return reproducible(Bom.parse(JSON.parse(printed)), await commitTime());
}

/** The same content always gives the same document: its number is made from the content, its time is the commit's. */
export function reproducible(bom: Bom, time: string): Bom {
  const component = { ...bom.metadata.component, type: 'application' };
  const content = { ...bom, serialNumber: undefined, metadata: { ...bom.metadata, component, timestamp: time } };
  return { ...content, serialNumber: `urn:uuid:${uuidv5(JSON.stringify(content), NAMESPACE)}` };
}

/** Throws unless the document follows the CycloneDX schema strictly. */
export async function validateBom(text: string): Promise<void> {
  const error: unknown = await new JsonStrictValidator(Version.v1dot5).validate(text);
  if (error !== null) {
    throw new UserError(`The bill of materials does not follow the schema:\n${JSON.stringify(error, null, 2)}`);
  }
}
