import { demoPassword, signIn } from '@rookery/devkit/client/sign-in';
import { authUrl } from './environment';

const tokens = new Map<string, Promise<string>>();

/** A real access token of a demo user, through the real log-in pages. One log-in per user, scope and spec file. */
export function tokenOf(user: 'alice' | 'bob' | 'olga', scope?: string): Promise<string> {
  const key = `${user} ${scope ?? ''}`;
  const known = tokens.get(key);
  if (known !== undefined) {
    return known;
  }
  const token = signIn({
    issuer: authUrl,
    login: user,
    password: demoPassword(user),
    ...(scope === undefined ? {} : { scope }),
  }).then((answer) => answer.access_token);
  tokens.set(key, token);
  return token;
}
