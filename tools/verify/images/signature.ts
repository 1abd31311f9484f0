import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Caller } from '@rookery/contracts';
import { buildApps } from '@rookery/devkit/stack/build';
import { freePorts } from '@rookery/devkit/stack/ports';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { bomOf } from '@rookery/release/bom';
import { Cosign, programHere } from './cosign';
import type { Engine } from './engine';
import { must, type Report } from './report';

const WHAT = 'a signature and an SBOM attestation, made with a key and verified';

/**
 * Signs an image and attests its SBOM with a key of its own, in a registry on the loopback address: the same cosign commands as in
 * CI, where they are keyless. Says so when there is no cosign or no registry.
 */
export async function verifySignature(engine: Engine, image: string, app: Caller, report: Report): Promise<void> {
  const cosign = programHere('COSIGN_BIN', ['cosign']);
  const registry = programHere('REGISTRY_BIN', ['docker-registry', 'registry']);
  if (cosign === undefined || registry === undefined) {
    const missing = [...(cosign === undefined ? ['cosign'] : []), ...(registry === undefined ? ['a registry'] : [])];
    report.notVerified(WHAT, `${missing.join(' and ')} not found (COSIGN_BIN, REGISTRY_BIN)`);
    return;
  }
  report.notVerified('a keyless signature', 'it needs the identity that only the workflow has');
  const folder = mkdtempSync(join(tmpdir(), 'rookery-signature-'));
  const [port = 0] = await freePorts(1);
  const config = join(folder, 'registry.yaml');
  writeFileSync(config, registryConfig(port, join(folder, 'registry')));
  const server = spawn(registry, ['serve', config], { stdio: 'ignore' });
  try {
    const digest = await push(engine, image, `127.0.0.1:${port}/rookery/${app}`, folder);
    const sign = await Cosign.open(cosign, folder, digest);
    await report.check(WHAT, async () => {
      await sign.makeKeys('ours');
      await sign.makeKeys('theirs');
      must(!(await sign.verifies('ours')), 'an image that nobody signed is verified');
      await sign.sign('ours');
      must(await sign.verifies('ours'), 'the signature is not verified');
      must(!(await sign.verifies('theirs')), 'the signature is verified with another key');
      const bom = join(folder, 'bom.json');
      await buildApps({ apps: [app] });
      writeFileSync(bom, JSON.stringify(await bomOf(app)));
      await sign.attest('ours', bom);
      must(await sign.attested('ours'), 'the attestation is not verified');
      must(!(await sign.attested('theirs')), 'the attestation is verified with another key');
      return digest.slice(digest.indexOf('@') + 1, digest.indexOf('@') + 20);
    });
  } finally {
    server.kill('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A registry on the loopback address, without TLS. */
export const registryConfig = (port: number, folder: string): string =>
  JSON.stringify({
    version: '0.1',
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: folder } },
    http: { addr: `127.0.0.1:${port}` },
  });

/** Pushes an image and answers with its name by digest. */
async function push(engine: Engine, image: string, repository: string, folder: string): Promise<string> {
  const tag = `${repository}:verify`;
  await engine.run('tag', image, tag);
  try {
    for (let attempt = 1; ; attempt += 1) {
      const options = engine.name === 'podman' ? ['--tls-verify=false', '--digestfile', join(folder, 'digest')] : [];
      const { code, stderr } = await engine.try('push', ...options, tag);
      if (code === 0) {
        break;
      }
      if (attempt === 10) {
        throw new UserError(`the image cannot be pushed to ${repository}: ${stderr.trim()}`);
      }
      await sleep(300);
    }
  } finally {
    await engine.try('rmi', tag);
  }
  const accept = 'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json';
  const [host = '', ...path] = repository.split('/');
  const url = `http://${host}/v2/${path.join('/')}/manifests/verify`;
  const response = await fetch(url, { method: 'HEAD', headers: { accept } });
  return `${repository}@${z.string().parse(response.headers.get('docker-content-digest'))}`;
}
