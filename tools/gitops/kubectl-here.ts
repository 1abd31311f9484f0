import { join } from 'node:path';
import { findKubectl } from '../k8s/kubectl';
import { repository } from '../stack/repository';

/** A kubectl; undefined only on a platform for which none can be fetched. */
export async function kubectlHere(): Promise<string | undefined> {
  try {
    return await findKubectl({ binFolder: join(repository, '.data/bin') });
  } catch (error) {
    if (process.platform === 'linux' && process.arch === 'x64') throw error;
    return undefined;
  }
}
