import { mailboxSetting, smtpServerSetting } from './smtp-setting';

describe('the setting of the mail server', () => {
  it.each([
    ['smtp://mail', { host: 'mail', port: 587, secure: false, requireTls: false, login: null }],
    ['smtps://mail.example.com', { host: 'mail.example.com', port: 465, secure: true }],
    ['smtp://[::1]:1025/', { host: '::1', port: 1025 }],
    [
      'smtp://shop%40example.com:p%2Fw%3A%25@mail:25',
      { port: 25, login: { user: 'shop@example.com', password: 'p/w:%' } },
    ],
    ['smtp://mail:587?requireTLS=true', { requireTls: true }],
  ])('reads %s', (text, expected) => {
    expect(smtpServerSetting.parse(text)).toMatchObject(expected);
  });

  it.each([
    'mail.example.com',
    'http://mail.example.com',
    'smtp://',
    'smtp://mail:99999',
    'smtp://user@mail',
    'smtp://user:%zz@mail',
    'smtp://mail/path',
    'smtp://mail#x',
    // Options of the mail library, which would take them from such a URL.
    'smtp://mail?logger=true&debug=true',
    'smtp://mail?requireTLS=false',
  ])('rejects %s without quoting it', (text) => {
    const { error } = smtpServerSetting.safeParse(text);
    expect(error?.issues).toHaveLength(1);
    expect(error?.issues[0]?.message).toMatch(/^must be smtp:/);
  });
});

describe('the setting of the sender', () => {
  it.each([
    ['shop@example.com', { name: '', address: 'shop@example.com' }],
    ['Rookery <no-reply@example.com>', { name: 'Rookery', address: 'no-reply@example.com' }],
    ['Büro, Wien <buero@example.com>', { name: 'Büro, Wien', address: 'buero@example.com' }],
  ])('reads %s', (text, expected) => {
    expect(mailboxSetting.parse(text)).toEqual(expected);
  });

  it.each([
    'Rookery',
    'Rookery <>',
    'a@example.com, b@example.com',
    'Rookery <a@example.com> <b@example.com>',
    'Rookery\r\nBcc: all@example.com <a@example.com>',
    'Rookery <a@example.com>\r\nBcc: all@example.com',
    'a@example.com\r\nBcc: all@example.com',
  ])('rejects %j', (text) => {
    expect(mailboxSetting.safeParse(text).success).toBe(false);
  });
});
