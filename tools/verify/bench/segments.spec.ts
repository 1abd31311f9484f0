import { SegmentCounter, sentSegments } from './segments';

const line = (port: number, sent: number, pid: number): string =>
  `0      0      127.0.0.1:${port} 127.0.0.1:5433  users:(("node",pid=${pid},fd=23)) cubic rto:204 segs_out:99 segs_in:88 data_segs_out:${sent} data_segs_in:77 rcv_space:65483`;

describe('the segments that ss tells', () => {
  it('are those with data that were sent, of each connection but the own ones', () => {
    const printed = [line(40_001, 12, 7), line(40_002, 30, 8), line(40_003, 500, 77)].join('\n');
    expect(sentSegments(`${printed}\n`, 77)).toEqual(
      new Map([
        ['127.0.0.1:40001', 12],
        ['127.0.0.1:40002', 30],
      ]),
    );
  });

  it('leave a connection out that has sent nothing', () => {
    expect(sentSegments('0 0 127.0.0.1:40001 127.0.0.1:5433 cubic rto:204', 77)).toEqual(new Map());
  });
});

describe('the sum of segments', () => {
  it('grows by what each connection has sent since, also one that is new or that ends', () => {
    const counter = new SegmentCounter(1);
    expect(counter.add(new Map([['a', 10]]))).toBe(10);
    const second = new Map([
      ['a', 15],
      ['b', 3],
    ]);
    expect(counter.add(second)).toBe(18);
    expect(counter.add(new Map([['b', 4]]))).toBe(19);
  });

  it('counts another connection with the same address from its beginning', () => {
    const counter = new SegmentCounter(1);
    counter.add(new Map([['a', 10]]));
    expect(counter.add(new Map([['a', 2]]))).toBe(12);
  });
});
