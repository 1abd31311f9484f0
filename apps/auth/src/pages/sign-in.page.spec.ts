import { signInPage } from './sign-in.page';

describe('the sign-in page', () => {
  const page = { action: '/interaction/1', token: 'a-token', clientName: 'A shop' };

  it('names the demo users only if the demo is enabled', () => {
    expect(signInPage({ ...page, demo: true })).toContain('alice-demo-password');
    expect(signInPage({ ...page, demo: false })).not.toContain('demo');
    expect(signInPage(page)).not.toContain('demo');
  });
});
