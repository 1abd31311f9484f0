import { passwordWeakness } from './password-policy';

describe('the password policy', () => {
  it.each([
    'Password1234!',
    'passwordpassword',
    'P@ssw0rd2024',
    'qwertyuiop123',
    '123456789012',
    'aaaaaaaaaaaa',
    'abcabcabcabc',
    'letmeinletmein',
  ])('rejects the common password %s', (password) => {
    expect(passwordWeakness(password, 'someone@example.com')).toBeDefined();
  });

  it('rejects a password that contains the local part of the e-mail address, regardless of case', () => {
    expect(passwordWeakness('xx-Marlene-1987-xx', 'marlene@example.com')).toBe('must not contain the e-mail address');
  });

  it.each(['violet anchor runs slowly', 'k7#tR9!wq2Lz', 'alice-demo-password', 'пароль-которого-нет'])(
    'accepts %s',
    (password) => {
      expect(passwordWeakness(password, 'someone@example.com')).toBeUndefined();
    },
  );

  it('ignores a two-letter local part, which half of all passwords contain', () => {
    expect(passwordWeakness('violet anchor runs slowly', 'an@example.com')).toBeUndefined();
  });
});
