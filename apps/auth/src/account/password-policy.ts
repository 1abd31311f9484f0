import { PASSWORD_MAX } from '@rookery/contracts';
import { COMMON_STEMS } from './common-passwords';

/** Code units that a form accepts: some keyboards encode one letter with marks as several characters. */
export const TYPED_PASSWORD_MAX = 4 * PASSWORD_MAX;

const LEET: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

/** `aaaaaaaaaaaa`, `abcabcabcabc`: a repeated piece is as weak as the piece. */
const REPETITION = /^(.{1,4})\1+$/su;
const RUNS = [
  '01234567890123456789',
  '98765432109876543210',
  'abcdefghijklmnopqrstuvwxyz',
  'zyxwvutsrqponmlkjihgfedcba',
];

/**
 * The weakness of a password, as a sentence for the person who chose it; undefined if there is none. The contract checks the length
 * (12 to 128); these are the rules of NIST SP 800-63B section 3.1.1.2: no common password, nothing derived from the account's name.
 */
export function passwordWeakness(password: string, email: string): string | undefined {
  const lower = password.toLowerCase();
  const [localPart = ''] = email.toLowerCase().split('@');
  if (localPart.length >= 3 && lower.includes(localPart)) {
    return 'must not contain the e-mail address';
  }
  if (REPETITION.test(lower) || RUNS.some((run) => run.includes(lower))) {
    return 'is too easy to guess';
  }
  const plain = Array.from(lower, (character) => LEET[character] ?? character).join('');
  if ([lower, plain].some(isCommon)) {
    return 'is too common';
  }
  return undefined;
}

/** Common stems, also with leading or trailing digits and signs (`Password123!`), and doubled. */
function isCommon(text: string): boolean {
  const letters = text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
  if (COMMON_STEMS.has(text) || COMMON_STEMS.has(letters)) {
    return true;
  }
  const half = letters.slice(0, letters.length / 2);
  return half.length > 0 && half + half === letters && COMMON_STEMS.has(half);
}
