import type { Part } from '../part';

/** The table and the edge from orders to auth stay: a database does not go back, and auth records what it no longer handles. */
export const mails: Part = {
  name: 'mails',
  goes: 'the mails of auth to customers about their orders; its table stays, empty',
  paths: [
    'apps/auth/src/notification',
    'apps/auth/test/mail-server.ts',
    'apps/auth/test/order-mails.int-spec.ts',
    'docs/design/mails.md',
  ],
  terms: ['Mailpit', 'MailsWait', 'MAIL_FROM', 'SMTP_URL', '--profile mail', 'mail server', 'sends mails'],
};
