import { Provider } from 'oidc-provider';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { AccountService } from '../src/account/account.service';
import { ClientAdapter } from '../src/clients/client-adapter';
import { KeyCipher } from '../src/keys/key-cipher';
import { SigningKeys } from '../src/keys/signing-keys';
import { AccessTokenRegister } from '../src/provider/access-token-register';
import { providerConfiguration } from '../src/provider/provider.configuration';
import { TokenStanding } from '../src/provider/token-standing';
import type { AuthUnderTest } from './auth-under-test';

/** One route of oidc-provider. */
export interface LibraryRoute {
  readonly method: string;
  /** `/device/:uid`, in the library's notation. */
  readonly path: string;
}

const VERBS = ['get', 'post', 'put', 'delete', 'options'] as const;
const Verb = z.custom<(name: string, path: string, ...stack: readonly unknown[]) => unknown>(
  (value) => typeof value === 'function',
);
const RouterModule = z.object({ default: z.custom<new () => object>((value) => typeof value === 'function') });

/** Not a literal, because the module is internal to the library and has no types. */
const ROUTER: string = 'oidc-provider/lib/helpers/router.js';

/** The routes of a provider with this configuration, recorded while the library adds them to its router. */
export async function routesOfLibrary({ app, issuer }: AuthUnderTest): Promise<readonly LibraryRoute[]> {
  const { default: Router } = RouterModule.parse(await import(ROUTER));
  const routes: LibraryRoute[] = [];
  const originals = VERBS.map((verb) => ({ verb, original: Verb.parse(Reflect.get(Router.prototype, verb)) }));
  for (const { verb, original } of originals) {
    Reflect.set(Router.prototype, verb, function (this: object, name: string, path: string, ...stack: unknown[]) {
      routes.push({ method: verb.toUpperCase(), path });
      if (verb === 'get') {
        routes.push({ method: 'HEAD', path });
      }
      return Reflect.apply(original, this, [name, path, ...stack]);
    });
  }
  const configuration = providerConfiguration({
    issuer,
    cookieKeys: ['not used'],
    keys: await app.get(SigningKeys).load(),
    adapter: () => neverAsked(),
    register: app.get(AccessTokenRegister),
    standing: new TokenStanding(new ClientAdapter(app.get(DataSource), app.get(KeyCipher)), app.get(AccountService)),
    findUser: neverAsked,
  });
  try {
    new Provider(issuer, configuration);
  } finally {
    for (const { verb, original } of originals) {
      Reflect.set(Router.prototype, verb, original);
    }
  }
  return routes;
}

function neverAsked(): never {
  throw new Error('the provider has no routes');
}
