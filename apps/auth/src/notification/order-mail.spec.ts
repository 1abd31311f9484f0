import { CancellationReasons } from '@rookery/contracts';
import { orderMail } from './order-mail';

const ORDER_ID = '01a20660-dcef-7621-b1a2-c4e3685387f6';
const total = { amountMinor: 39_800, currency: 'EUR' };
const placed = { kind: 'placed', reason: null } as const;

describe('the mail about an order', () => {
  it.each([
    placed,
    { kind: 'confirmed', reason: null } as const,
    { kind: 'canceled', reason: 'out-of-stock' } as const,
  ])('states in subject, text and page which order is $kind, and its total in the text', (news) => {
    const mail = orderMail(news, ORDER_ID, total);
    expect(mail.subject).toBe(`Your order ${ORDER_ID} is ${news.kind}`);
    for (const body of [mail.text, mail.html]) {
      expect(body).toContain(ORDER_ID);
      expect(body).toContain('398.00 EUR');
    }
  });

  it.each(CancellationReasons)('explains in words that an order was canceled by %s', (reason) => {
    const { text, html } = orderMail({ kind: 'canceled', reason }, ORDER_ID, total);
    expect(text).toMatch(/^Your order is canceled: [a-z ]+\.\n/i);
    for (const body of [text, html]) {
      expect(body).not.toContain(reason);
    }
  });

  it.each([
    [{ amountMinor: 5, currency: 'EUR' }, '0.05 EUR'],
    [{ amountMinor: 1235, currency: 'JPY' }, '1235 JPY'],
    [{ amountMinor: 1234, currency: 'KWD' }, '1.234 KWD'],
    [{ amountMinor: 99_900, currency: 'PKR' }, '999.00 PKR'],
    [{ amountMinor: 7_500, currency: 'HRK' }, '75.00 HRK'],
    [{ amountMinor: Number.MAX_SAFE_INTEGER, currency: 'EUR' }, '90071992547409.91 EUR'],
  ])('writes %j exactly', (amount, words) => {
    expect(orderMail(placed, ORDER_ID, amount).text).toContain(`Total: ${words}\n`);
  });

  it('escapes everything in the page', () => {
    const { html } = orderMail(placed, '<img src=x>', total);
    expect(html).toContain('&lt;img src=x&gt;');
    expect(html).not.toContain('<img');
  });
});
