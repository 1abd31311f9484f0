import type { Part } from '../part';

export const strangler: Part = {
  name: 'strangler',
  goes: 'the proxy to a legacy system in the gateway, with its guide',
  paths: [
    'apps/gateway/src/strangler',
    'apps/gateway/test/strangler.int-spec.ts',
    'libs/platform/src/http/raw-body.ts',
    'apps/gateway/test/legacy-system.ts',
    'docs/strangler.md',
    'docs/design/strangler.md',
  ],
  terms: ['strangler', 'STRANGLER_ROUTES', 'legacy system'],
};
