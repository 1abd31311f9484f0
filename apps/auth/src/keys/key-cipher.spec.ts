import { randomBytes } from 'node:crypto';
import { KeyCipher } from './key-cipher';

const newKey = () => randomBytes(32).toString('base64url');

describe('the key cipher', () => {
  it('opens what it sealed, and never seals the same way twice', () => {
    const cipher = new KeyCipher(newKey());
    const [first, second] = [cipher.seal('secret', 'a'), cipher.seal('secret', 'a')];
    expect(first).not.toBe(second);
    expect(cipher.open(first, 'a')).toBe('secret');
  });

  it('rejects a ciphertext of another row, another key and a changed byte', () => {
    const cipher = new KeyCipher(newKey());
    const sealed = cipher.seal('secret', 'a');
    expect(() => cipher.open(sealed, 'b')).toThrow();
    expect(() => new KeyCipher(newKey()).open(sealed, 'a')).toThrow();
    expect(() => cipher.open(`${sealed.slice(0, -2)}AA`, 'a')).toThrow();
  });

  it('rejects a key that is not 32 bytes', () => {
    expect(() => new KeyCipher('c2hvcnQ')).toThrow('32 bytes');
  });
});
