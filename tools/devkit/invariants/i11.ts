import type { Invariant } from './world';

export const i11: Invariant = {
  id: 'I11',
  statement: 'The dead letters are exactly the poison that was injected, once for each service that got it.',
  rationale: 'An event that is set aside waits for an operator, so a good event must never be set aside.',
  atRest: ({ deadLetters, poison }) => {
    const found = deadLetters.map(({ consumer, eventId }) => `${consumer} ${eventId}`);
    const expected = new Set(poison.flatMap(({ id, consumers }) => consumers.map((consumer) => `${consumer} ${id}`)));
    return [
      ...found
        .filter((letter) => !expected.has(letter))
        .map((letter) => `a dead letter that nobody injected: ${letter}`),
      ...[...expected]
        .filter((letter) => !found.includes(letter))
        .map((letter) => `poison without a dead letter: ${letter}`),
    ];
  },
};
