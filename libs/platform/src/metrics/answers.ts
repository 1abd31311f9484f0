import { Counter, type Histogram, type Registry } from 'prom-client';

const CLASSES = ['2xx', '3xx', '4xx', '5xx'] as const;

const classOf = (status: string | number): string => `${String(status).charAt(0)}xx`;

/** The two metrics of a process's responses. */
export interface AnswersOptions<Label extends string> {
  /** How long answers take, by the labels and `status`. */
  readonly durations: Histogram<Label | 'status'>;
  /** Name of the counter of answers, by the labels and `class`, the class of the status. */
  readonly counter: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
}

/**
 * Responses of a process: durations by status, and a counter by status class whose series exist before the first request. A counter
 * that starts with the first failure has a rate of 0 in Prometheus, so alerts read this one; the histogram has too many series for that.
 */
export class Answers<Label extends string> {
  private readonly counter: Counter;

  constructor(
    registry: Registry,
    private readonly options: AnswersOptions<Label>,
  ) {
    const { counter: name, help, labelNames } = options;
    this.counter = new Counter({ name, help, labelNames: [...labelNames, 'class'], registers: [registry] });
  }

  /** Initializes each status class to 0. Call it for every route before the first request. */
  expect(labels: Readonly<Record<Label, string>>): void {
    for (const status of CLASSES) {
      this.counter.inc({ ...labels, class: status }, 0);
    }
  }

  /** Records a response and its duration in seconds. */
  observe(labels: Readonly<Record<Label | 'status', string | number>>, seconds: number): void {
    this.options.durations.observe(labels, seconds);
    const own = Object.fromEntries(this.options.labelNames.map((name) => [name, labels[name]] as const));
    this.counter.inc({ ...own, class: classOf(labels.status) });
  }
}
