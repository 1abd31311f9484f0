import { type CancellationReason, formatMoney, type Money } from '@rookery/contracts';
import { html, type Html } from '../pages/html';

/** The occasions of a mail about an order, each at most once. */
export type OrderNews =
  | { readonly kind: 'placed' | 'confirmed'; readonly reason: null }
  | { readonly kind: 'canceled'; readonly reason: CancellationReason };
export type NewsKind = OrderNews['kind'];

/** Subject and the two forms of the text. */
export interface MailText {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

const REASONS: Readonly<Record<CancellationReason, string>> = {
  'payment-declined': 'your payment was declined',
  'insufficient-funds': 'there were not enough funds for the payment',
  'payment-error': 'your payment could not be processed',
  'out-of-stock': 'an item of your order is out of stock',
  'product-unavailable': 'an item of your order is no longer available',
  'deadline-exceeded': 'we could not complete it in time',
  'customer-request': 'you requested it',
  'operator-request': 'our customer service canceled it',
};

function sentencesOf({ kind, reason }: OrderNews): readonly string[] {
  switch (kind) {
    case 'placed':
      return ['We have received your order.', 'We will write again when it is confirmed.'];
    case 'confirmed':
      return ['Your order is confirmed.', 'It is paid for and on its way.'];
    case 'canceled':
      return [`Your order is canceled: ${REASONS[reason]}.`, 'The reserved amount is released.'];
  }
}

/**
 * The mail about an order. It contains no text that a customer has entered: anyone can register any address, and must not be able to
 * send a text of their own there.
 */
export function orderMail(news: OrderNews, orderId: string, total: Money): MailText {
  const sentences = sentencesOf(news);
  const facts = [
    ['Order', orderId],
    ['Total', formatMoney(total)],
  ] as const;
  return {
    subject: `Your order ${orderId} is ${news.kind}`,
    text: `${[sentences.join('\n'), facts.map(([name, value]) => `${name}: ${value}`).join('\n')].join('\n\n')}\n`,
    html: page(sentences, facts).markup,
  };
}

const page = (sentences: readonly string[], facts: readonly (readonly [string, string])[]): Html =>
  html`<!doctype html>
    <html lang="en">
      <body style="font-family: sans-serif">
        ${sentences.map((sentence) => html`<p>${sentence}</p>`)}
        <table>
          ${facts.map(
            ([name, value]) =>
              html`<tr>
                <th align="left">${name}</th>
                <td>${value}</td>
              </tr>`,
          )}
        </table>
      </body>
    </html> `;
