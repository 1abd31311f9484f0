import { randomBytes } from 'node:crypto';
import { decodeProtectedHeader } from 'jose';
import { TokenSealer } from './token-sealer';

const newKey = () => randomBytes(32).toString('base64url');

describe('a sealed payment token', () => {
  it('opens with the same key only', async () => {
    const key = newKey();
    const sealed = await new TokenSealer(key).seal('tok_ok');
    expect(await new TokenSealer(key).open(sealed)).toBe('tok_ok');
    await expect(new TokenSealer(newKey()).open(sealed)).rejects.toThrow();
  });

  it('reveals nothing of the token, and differs each time', async () => {
    const sealer = new TokenSealer(newKey());
    const [one, other] = [await sealer.seal('tok_ok'), await sealer.seal('tok_ok')];
    expect(one).not.toBe(other);
    expect(Buffer.from(one.split('.')[3] ?? '', 'base64url').toString()).not.toContain('tok_ok');
    expect(decodeProtectedHeader(one)).toEqual({ alg: 'dir', enc: 'A256GCM' });
  });

  it('does not open after a change', async () => {
    const sealer = new TokenSealer(newKey());
    const parts = (await sealer.seal('tok_ok')).split('.');
    const text = parts[3] ?? '';
    parts[3] = `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`;
    await expect(sealer.open(parts.join('.'))).rejects.toThrow();
  });

  it('needs a key of 32 bytes', () => {
    expect(() => new TokenSealer('c2hvcnQ')).toThrow('SEALING_KEY must be 32 bytes as base64url');
  });
});
