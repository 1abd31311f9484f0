import { html } from './html';
import { page } from './page';

/** For who opens the service itself: what it is, and where to go. */
export const rootPage = (gatewayUrl: string): string =>
  page(
    'Sign-in service',
    html`<h1>Sign-in service</h1>
      <p>
        Applications send you here to sign in, and take you back when you have. There is nothing to do on this page.
      </p>
      <p><a href="/device">Connect a device</a> that shows you a code</p>
      <p><a href="/session/end">Sign out</a> of this browser</p>
      <p>
        <a href="${gatewayUrl}/docs">The API</a> that you sign in to, and
        <a href="/.well-known/openid-configuration">this issuer’s metadata</a> for developers
      </p>`,
  );
