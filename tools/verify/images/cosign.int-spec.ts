import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '@rookery/devkit/stack/ports';
import { repository } from '@rookery/devkit/stack/repository';
import { eventually } from '@rookery/testing';
import { Cosign, programHere, READABLE } from './cosign';
import { registryConfig } from './signature';

const cosign = programHere('COSIGN_BIN', ['cosign']);
const registry = programHere('REGISTRY_BIN', ['docker-registry', 'registry']);
const here = cosign !== undefined && registry !== undefined;

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const digestOf = (bytes: string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function put(url: string, type: string, body: string): Promise<void> {
  const { status } = await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body });
  expect(status).toBe(201);
}

/** The smallest image there is, pushed as any client does; answers with its name by digest. */
async function pushImage(host: string): Promise<string> {
  const base = `http://${host}/v2/rookery/orders`;
  const blob = async (mediaType: string, bytes: string) => {
    const { headers } = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
    await put(`${headers.get('location') ?? ''}&digest=${digestOf(bytes)}`, 'application/octet-stream', bytes);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const settings = JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } });
  const config = await blob('application/vnd.oci.image.config.v1+json', settings);
  const layers = [await blob('application/vnd.oci.image.layer.v1.tar', 'layer')];
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers });
  await put(`${base}/manifests/verify`, MANIFEST, manifest);
  return `${host}/rookery/orders@${digestOf(manifest)}`;
}

(here ? describe : describe.skip)(
  here ? 'cosign' : 'cosign (not tried: COSIGN_BIN and REGISTRY_BIN name no programs, and none are in the PATH)',
  () => {
    let folder: string;
    let server: ChildProcess;
    let sign: Cosign;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'rookery-cosign-'));
      const [port = 0] = await freePorts(1);
      const config = join(folder, 'registry.yaml');
      writeFileSync(config, registryConfig(port, join(folder, 'registry')));
      server = spawn(registry ?? '', ['serve', config], { stdio: 'ignore' });
      const image = await eventually(() => pushImage(`127.0.0.1:${port}`));
      sign = await Cosign.open(cosign ?? '', folder, image);
      await sign.makeKeys('ours');
      await sign.makeKeys('theirs');
    });
    afterAll(() => {
      server.kill('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    });

    it('signs an image, and no other key verifies it', async () => {
      await expect(sign.verifies('ours')).resolves.toBe(false);
      await sign.sign('ours');
      await expect(sign.verifies('ours')).resolves.toBe(true);
      await expect(sign.verifies('theirs')).resolves.toBe(false);
    });

    it('attests an SBOM, and no other key verifies it', async () => {
      const bom = join(folder, 'bom.json');
      writeFileSync(bom, JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6' }));
      await sign.attest('ours', bom);
      await expect(sign.attested('ours')).resolves.toBe(true);
      await expect(sign.attested('theirs')).resolves.toBe(false);
    });
  },
);

it('the pipeline signs in the same form', () => {
  const workflow = readFileSync(join(repository, '.github/workflows/main.yml'), 'utf8');
  expect(workflow).toContain(READABLE.join(' '));
});
