import { agreed } from './peer-clocks';

describe('the clock of a process compared with the majority of its peers', () => {
  it.each([
    ['right', [0.01, -0.02, 0, 0.03], 0],
    ['right, though one of them is 70 s behind', [70, 0.1, 0, 0], 0],
    ['right, though one of them is 70 s ahead', [0, 0, -0.1, -70], 0],
    ['right, though two of four are wrong the same way', [10, 10, 0, 0], 0],
    ['right, though two of four are wrong, each its own way', [-10, 10, 0, 0], 0],
    ['10 s ahead', [10, 10.2, 9.9, 10.1], 10],
    ['10 s ahead, whatever a fourth says', [10, 10.2, 9.9, -60], 10],
    ['70 s behind', [-70, -70, -70, -70], -70],
    ['10 s ahead of both that answer', [10, 10], 10],
    ['right, where two that answer differ', [10, 0], 0],
  ])('is %s', (_, seconds, is) => {
    expect(agreed(seconds)).toBeCloseTo(is, 0);
  });

  it('is unknown while fewer than two answer', () => {
    expect([agreed([]), agreed([70])]).toEqual([undefined, undefined]);
  });
});
