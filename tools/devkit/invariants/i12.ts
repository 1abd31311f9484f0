import type { Invariant } from './world';

const CARD_TOKEN = /\btok_[a-z_]+/;

export const i12: Invariant = {
  id: 'I12',
  statement:
    'No secret, token, password or card token is in a log line, a row, an event or an answer; no answer has a stack trace.',
  rationale: 'Logs and rows are read by more people than may act for a customer.',
  atRest: ({ logs, secrets = [] }) => {
    const broken: string[] = [];
    for (const { file, text } of logs?.() ?? []) {
      const leaks = secrets.filter((secret) => text.includes(secret)).length + (CARD_TOKEN.test(text) ? 1 : 0);
      if (leaks > 0) {
        broken.push(`${leaks} secrets are in ${file}`);
      }
    }
    return broken;
  },
};
