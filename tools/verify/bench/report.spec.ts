import { type BenchResult, markdownOf, median } from './report';

describe('the report of a bench', () => {
  it.each([
    { figures: [3, 1, 2], middle: 2 },
    { figures: [4, 1, 2, 3], middle: 2 },
    { figures: [10, 9], middle: 9 },
  ])('takes $middle as the middle of $figures', ({ figures, middle }) => {
    expect(median(figures)).toBe(middle);
  });

  it('has the command beside the figure, and each peer as a ratio', () => {
    const result: BenchResult = {
      name: 'post',
      command: 'npm run bench -- post',
      at: '2026-11-25T10:00:00Z',
      machine: '2 cores',
      unit: 'letters',
      setting: 'A small town.',
      contestants: [
        { name: 'postman', what: 'on foot', rates: [1_000, 3_000, 2_000] },
        { name: 'pigeon', what: 'as the crow flies', rates: [4_000, 4_000, 9_000] },
      ],
      verified: ['No letter was lost.'],
    };
    expect(markdownOf(result).split('\n')).toEqual(
      expect.arrayContaining([
        '`npm run bench -- post`, 2026-11-25T10:00:00Z, 2 cores. A small town.',
        '| **postman**: on foot | 2,000 | 1,000 · 3,000 · 2,000 |  |',
        '| **pigeon**: as the crow flies | 4,000 | 4,000 · 4,000 · 9,000 | 0.50 × |',
        '- No letter was lost.',
      ]),
    );
  });
});
