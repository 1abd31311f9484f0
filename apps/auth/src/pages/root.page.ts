import { html } from './html';
import { page } from './page';

/** For a person who opens the service itself: its purpose, and where to go. */
export const rootPage = (gatewayUrl: string): string =>
  page(
    'Sign-in service',
    html`<h1>Sign-in service</h1>
      <p>Applications send you here to sign in and then take you back. There is nothing to do on this page.</p>
      <p><a href="/device">Connect a device</a> that shows a code</p>
      <p><a href="/session/end">Sign out</a> of this browser</p>
      <p>
        For developers: <a href="${gatewayUrl}/docs">the API</a> and
        <a href="/.well-known/openid-configuration">the metadata of this issuer</a>
      </p>`,
  );
