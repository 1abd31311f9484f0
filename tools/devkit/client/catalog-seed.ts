import { randomUUID } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from '../terminal/progress';
import { UserError } from '../terminal/user-error';
import { catalog } from './catalog';
import { demoPassword, signIn } from './sign-in';

export interface SeedOptions {
  readonly gatewayUrl: string;
  readonly authUrl: string;
  /** A file that tells that this catalog was seeded once: what was archived since stays away. */
  readonly marker?: string;
  readonly progress: Progress;
}

/** Adds the demo catalog through the public API as olga. A seed that was interrupted goes on where it was: a SKU exists once. */
export async function seedCatalog({ gatewayUrl, authUrl, marker, progress }: SeedOptions): Promise<void> {
  if (marker !== undefined && existsSync(marker)) {
    return;
  }
  await progress.step(`catalog of ${catalog.length} products`, async () => {
    const { access_token: token } = await signIn({ issuer: authUrl, login: 'olga', password: demoPassword('olga') });
    for (const product of catalog) {
      await add(product, new URL('/v1/products', gatewayUrl), token);
    }
    if (marker !== undefined) {
      writeFileSync(marker, '');
    }
  });
}

async function add(product: (typeof catalog)[number], url: URL, token: string): Promise<void> {
  const idempotencyKey = randomUUID();
  for (;;) {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': idempotencyKey,
      },
      body: JSON.stringify(product),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    if (response.ok || response.status === 409) {
      return;
    }
    if (response.status !== 429 && response.status !== 503) {
      throw new UserError(`The catalog could not be seeded: ${product.sku} was answered ${response.status} ${text}`);
    }
    await sleep(Math.max(1, Number(response.headers.get('retry-after') ?? 1)) * 1_000);
  }
}
