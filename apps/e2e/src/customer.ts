import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { ALL_SCOPES, signIn, type Tokens } from '@rookery/devkit/client/sign-in';
import { type ApiClient, clientOf, request } from './client';
import type { Databases } from './databases';
import { authUrl } from './environment';

/** A customer that no other test knows: the rows of this customer are the effects of one spec. */
export interface Customer extends ApiClient {
  readonly email: string;
  readonly subject: string;
  readonly tokens: Tokens;
}

/** Registers a customer and signs him in, as anyone would. */
export const newCustomer = (): Promise<Customer> => registered(async () => undefined);

/** Registers somebody whom the database then makes an operator. */
export const newOperator = (databases: Databases): Promise<Customer> =>
  registered(async (email) => {
    await databases.rows('auth', 'UPDATE users SET roles = $2 WHERE email = $1', [email, ['operator']]);
  });

async function registered(beforeSignIn: (email: string) => Promise<void>): Promise<Customer> {
  const email = `${randomUUID()}@customers.example`;
  const password = randomUUID();
  const answer = await request('POST', '/v1/accounts', { body: { email, password, name: 'A customer' } });
  expect(answer).toMatchObject({ status: 201 });
  await beforeSignIn(email);
  const scope = `${ALL_SCOPES} offline_access`;
  const tokens = await signIn({ issuer: authUrl, login: email, password, scope });
  return Object.assign(clientOf(tokens.access_token), { email, tokens, subject: subjectOf(tokens.access_token) });
}

export const subjectOf = (token: string): string => decodeJwt(token).sub ?? '';

/** Scopes that a token really has. */
export function scopesOf(token: string): readonly string[] {
  const { scope } = decodeJwt(token);
  return typeof scope === 'string' ? scope.split(' ').filter((name) => name !== '') : [];
}
