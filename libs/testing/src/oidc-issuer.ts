import { createServer, type Server } from 'node:http';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { z } from 'zod';
import { API_AUDIENCE } from '@rookery/contracts';

/** Content of a token; every field has a default. */
export interface TokenOptions {
  readonly subject?: string;
  readonly scopes?: readonly string[];
  readonly roles?: readonly string[];
  readonly audience?: string;
  readonly issuer?: string;
  /** Seconds from now; negative for an expired token, null for a token without `exp`. */
  readonly expiresIn?: number | null;
  readonly type?: string;
  readonly header?: Readonly<Record<string, unknown>>;
}

type PrivateKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

const Address = z.object({ port: z.number() });

/** A minimal OpenID Provider on a real port: discovery, key set, and arbitrary tokens. */
export class OidcIssuer {
  /** Number of requests for the key set. */
  keyFetches = 0;

  private constructor(
    readonly url: string,
    private readonly server: Server,
    private readonly privateKey: PrivateKey,
    readonly publicKey: JWK,
  ) {}

  static async start(): Promise<OidcIssuer> {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'test-key', alg: 'ES256', use: 'sig' };
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${Address.parse(server.address()).port}`;
    const issuer = new OidcIssuer(url, server, privateKey, jwk);
    server.on('request', (request, response) => {
      response.setHeader('content-type', 'application/json');
      if (request.url === '/jwks') {
        issuer.keyFetches += 1;
      }
      const metadata = { issuer: url, jwks_uri: `${url}/jwks` };
      response.end(JSON.stringify(request.url === '/jwks' ? { keys: [jwk] } : metadata));
    });
    return issuer;
  }

  async token(options: TokenOptions = {}): Promise<string> {
    const { subject = 'alice', scopes = [], roles = ['customer'], audience = API_AUDIENCE } = options;
    const { issuer = this.url, expiresIn = 300, type = 'at+jwt', header = {} } = options;
    const token = new SignJWT({ client_id: 'spec', scope: scopes.join(' '), roles })
      .setProtectedHeader({ alg: 'ES256', typ: type, kid: 'test-key', ...header })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(audience)
      .setIssuedAt(Math.floor(Date.now() / 1000) - 600);
    if (expiresIn !== null) {
      token.setExpirationTime(Math.floor(Date.now() / 1000) + expiresIn);
    }
    return token.sign(this.privateKey);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
