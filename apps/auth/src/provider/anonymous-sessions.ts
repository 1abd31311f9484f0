import { AsyncLocalStorage } from 'node:async_hooks';
import type { Adapter, AdapterPayload, KoaContextWithOIDC, Provider } from 'oidc-provider';
import { z } from 'zod';
import type { KeyCipher } from '../keys/key-cipher';

/** Enough time to enter the code of a device. */
export const ANONYMOUS_SESSION_SECONDS = 60 * 60;

const Payload = z.custom<AdapterPayload>((value) => typeof value === 'object' && value !== null);
type Context = Pick<KoaContextWithOIDC, 'cookies'>;

/**
 * A session without a signed-in user holds only the token of a form (OWASP's CSRF cheat sheet, "encrypted token"). The browser stores
 * it, encrypted, and the service does not: so unauthenticated requests cannot fill the database.
 */
export class AnonymousSessions {
  private readonly contexts = new AsyncLocalStorage<Context>();
  private readonly cookie: string;

  constructor(
    private readonly cipher: KeyCipher,
    private readonly secure: boolean,
  ) {
    this.cookie = secure ? '__Host-visit' : 'visit';
  }

  /** Must run before any access to sessions: the library's storage does not know the current request. */
  follow(provider: Provider): void {
    provider.use((ctx, next) => this.contexts.run(ctx, next));
  }

  /** The library's storage of sessions; `rows` stores those of signed-in users. */
  adapter(rows: Adapter): Adapter {
    return {
      upsert: async (id, payload, expiresIn) => {
        if (payload.accountId === undefined) {
          this.put(id, payload);
        } else {
          await rows.upsert(id, payload, expiresIn);
        }
      },
      find: async (id) => this.get(id) ?? rows.find(id),
      destroy: async (id) => {
        if (this.get(id) !== undefined) {
          this.clear();
        } else {
          await rows.destroy(id);
        }
      },
      findByUid: (uid) => rows.findByUid(uid),
      findByUserCode: (userCode) => rows.findByUserCode(userCode),
      consume: (id) => rows.consume(id),
      revokeByGrantId: (grantId) => rows.revokeByGrantId(grantId),
    };
  }

  private put(id: string, payload: AdapterPayload): void {
    const sealed = this.cipher.seal(JSON.stringify(payload), labelOf(id));
    this.context.cookies.set(this.cookie, sealed, { ...this.options, maxAge: ANONYMOUS_SESSION_SECONDS * 1000 });
  }

  private clear(): void {
    this.context.cookies.set(this.cookie, null, this.options);
  }

  private get(id: string): AdapterPayload | undefined {
    const sealed = this.contexts.getStore()?.cookies.get(this.cookie, { signed: false });
    if (sealed === undefined) {
      return undefined;
    }
    try {
      return Payload.parse(JSON.parse(this.cipher.open(sealed, labelOf(id))));
    } catch {
      // The cookie of another session, or an expired one.
      return undefined;
    }
  }

  private get context(): Context {
    const context = this.contexts.getStore();
    if (context === undefined) {
      throw new Error('a session is saved outside a request');
    }
    return context;
  }

  private get options() {
    return { httpOnly: true, sameSite: 'lax', secure: this.secure, signed: false } as const;
  }
}

const labelOf = (id: string): string => `anonymous session ${id}`;
