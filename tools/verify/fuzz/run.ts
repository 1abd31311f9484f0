import fc from 'fast-check';
import { casesOf, validCaseOf } from './cases';
import { AnswerChecks, mayCall, type Violation, type ViolationKind } from './checks';
import { type FuzzedDocument, operationsOf } from './document';
import { curlOf, fill, type FuzzCase, hole, type WireRequest, type World } from './fuzz-case';
import { NoAnswer, type WireAnswer } from './send';
import { changedTables, type Fingerprint } from './state';

/** The system that is fuzzed. */
export interface Target {
  /** @throws {NoAnswer} when there is none */
  send(request: WireRequest): Promise<WireAnswer>;
  /** What there is right now; asked before each batch, so that what a batch used up is there again. */
  world(): Promise<World>;
  /** What is stored, once the work of earlier requests is done. */
  settledState(): Promise<Fingerprint>;
}

export interface FuzzOptions {
  readonly document: FuzzedDocument;
  readonly target: Target;
  readonly seed: number;
  readonly cases: number;
  /** Number of the first case. */
  readonly from?: number;
  readonly secrets?: readonly string[];
  readonly say?: (line: string) => void;
}

/** A violation, with the smallest request that shows it. */
export interface Finding extends Violation {
  readonly operation: string;
  /** Number of the case that showed it first: with the seed it makes the same request again. */
  readonly caseNumber: number;
  readonly curl: string;
  /** How many cases showed it. */
  readonly times: number;
}

export interface FuzzReport {
  readonly seed: number;
  readonly cases: number;
  readonly requests: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Operations that never answered 2xx or 3xx: their depths were not reached. */
  readonly neverSucceeded: readonly string[];
  /** Refused requests after which the state was seen to be the same. */
  readonly statesCompared: number;
  /** Refused requests for which it could not be told, because others beside them were accepted each time. */
  readonly statesUnknown: number;
  readonly findings: readonly Finding[];
}

const BATCH = 100;
const AT_A_TIME = 8;
const SHRINK_MS = 20_000;
const MOST_FINDINGS = 30;
const STATE_ATTEMPTS = 3;

interface Numbered {
  readonly number: number;
  readonly one: FuzzCase;
}

interface Sent extends Numbered {
  readonly request: WireRequest;
  readonly status: number | undefined;
  readonly violations: readonly Violation[];
}

/** Sends the cases `from` to `from + cases` of a seed in batches, checks every answer, and that what was refused left nothing behind. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  return new FuzzRun(options).run();
}

class FuzzRun {
  private readonly checks: AnswerChecks;
  private readonly arbitrary: fc.Arbitrary<FuzzCase>;
  private readonly byStatus = new Map<number, number>();
  private readonly succeeded = new Set<string>();
  private readonly findings = new Map<string, Finding>();
  private world: World | undefined;
  private requests = 0;
  private statesCompared = 0;
  private statesUnknown = 0;

  constructor(private readonly options: FuzzOptions) {
    this.checks = new AnswerChecks(options.document, options.secrets);
    this.arbitrary = casesOf(options.document);
  }

  async run(): Promise<FuzzReport> {
    const { document, seed, cases, from = 0, say = () => undefined } = this.options;
    const startedAt = Date.now();
    for (let first = from; first < from + cases; first += BATCH) {
      const size = Math.min(BATCH, from + cases - first);
      await this.batch(Array.from({ length: size }, (_, index) => this.generate(first + index)));
      const done = first + size - from;
      if (done % 1_000 === 0 || done === cases) {
        const seconds = ((Date.now() - startedAt) / 1_000).toFixed(0);
        say(`${done} of ${cases} cases, ${this.requests} requests, ${this.findings.size} findings, ${seconds} s`);
      }
    }
    return {
      seed,
      cases,
      requests: this.requests,
      byStatus: Object.fromEntries([...this.byStatus].toSorted(([one], [other]) => one - other)),
      neverSucceeded: operationsOf(document)
        .map(({ id }) => id)
        .filter((id) => !this.succeeded.has(id)),
      statesCompared: this.statesCompared,
      statesUnknown: this.statesUnknown,
      findings: [...this.findings.values()],
    };
  }

  private generate(number: number): Numbered {
    const made: FuzzCase[] = [];
    void fc.check(
      fc.property(this.arbitraryOf(number), (one) => void made.push(one)),
      this.parametersOf(number),
    );
    const [one] = made;
    if (one === undefined) {
      throw new Error(`case ${number} was not generated`);
    }
    return { number, one };
  }

  /** A run begins with one request of each operation that the document allows, so that each is seen to do its work. */
  private arbitraryOf(number: number): fc.Arbitrary<FuzzCase> {
    const operation = operationsOf(this.options.document)[number];
    return operation === undefined ? this.arbitrary : validCaseOf(this.options.document, operation);
  }

  /** The same for generating and for shrinking: that is how the second begins at the first's case. */
  private parametersOf(number: number) {
    return { seed: (Math.imul(this.options.seed, 1_000_003) + number) | 0, numRuns: 1 };
  }

  private async batch(cases: readonly Numbered[]): Promise<void> {
    this.world = await this.options.target.world();
    const isWrite = ({ one }: Numbered): boolean => one.operation.method !== 'GET';
    const writes = cases.filter((each) => isWrite(each) && this.mayBeAccepted(each.one));
    // An order is on its way for a moment only: what needs one first.
    const isUrgent = ({ one }: Numbered): boolean => Object.values(one.path).includes(hole('pendingOrder'));
    const written = await this.sendAll([...writes.filter(isUrgent), ...writes.filter((each) => !isUrgent(each))]);
    // What the document lets through and the system refuses all the same is refused again, now with nothing else going on.
    const again = written.filter(({ status = 0 }) => status >= 400);
    await this.compareStates([...cases.filter((each) => !writes.includes(each)), ...again]);
  }

  private async compareStates(cases: readonly Numbered[]): Promise<void> {
    const { target } = this.options;
    let remaining = cases;
    let suspicious = false;
    for (let attempt = 1; attempt <= STATE_ATTEMPTS && remaining.length > 0; attempt += 1) {
      const before = await target.settledState();
      const sent = await this.sendAll(remaining);
      const changed = changedTables(before, await target.settledState());
      const refused = sent.filter(({ status, one }) => (status ?? 0) >= 400 || one.operation.method === 'GET');
      const accepted = sent.length - refused.length;
      if (changed.length === 0) {
        this.statesCompared += refused.length;
        return;
      }
      // Once may be something that came late; the same again with nothing accepted is a request that writes.
      if (accepted === 0 && suspicious) {
        await this.findWriter(refused);
        return;
      }
      suspicious = accepted === 0;
      remaining = refused;
    }
    this.statesUnknown += remaining.length;
  }

  /** Sends one by one until something is written. */
  private async findWriter(cases: readonly Sent[]): Promise<void> {
    for (const each of cases) {
      const [violation] = await this.stateViolations(each.one);
      if (violation !== undefined) {
        await this.note(each, violation);
        return;
      }
    }
    this.statesUnknown += cases.length;
  }

  /** What one request changed though it was refused, or only read. */
  private async stateViolations(one: FuzzCase): Promise<readonly Violation[]> {
    const { target } = this.options;
    const before = await target.settledState();
    const { status = 0 } = await this.send({ number: 0, one });
    const changed = changedTables(before, await target.settledState());
    if (changed.length === 0 || (status < 400 && one.operation.method !== 'GET')) {
      return [];
    }
    return [{ kind: 'state', what: `answered ${status} and changed ${changed.join(', ')}` }];
  }

  private mayBeAccepted(one: FuzzCase): boolean {
    return mayCall(one) && this.checks.isValid(one, this.filled(one));
  }

  private filled(one: FuzzCase): WireRequest {
    if (this.world === undefined) {
      throw new Error('the world has not been read yet');
    }
    return fill(one, this.world);
  }

  private async sendAll(cases: readonly Numbered[]): Promise<readonly Sent[]> {
    const sent: Sent[] = [];
    const waiting = [...cases];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        sent.push(await this.send(next));
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    for (const each of sent) {
      for (const violation of each.violations) {
        await this.note(each, violation);
      }
    }
    return sent;
  }

  private async send({ number, one }: Numbered): Promise<Sent> {
    const request = this.filled(one);
    this.requests += 1;
    try {
      const answer = await this.options.target.send(request);
      this.byStatus.set(answer.status, (this.byStatus.get(answer.status) ?? 0) + 1);
      if (answer.status < 400) {
        this.succeeded.add(one.operation.id);
      }
      return { number, one, request, status: answer.status, violations: this.checks.violations(one, request, answer) };
    } catch (error) {
      if (!(error instanceof NoAnswer)) {
        throw error;
      }
      return { number, one, request, status: undefined, violations: [{ kind: 'no answer', what: error.message }] };
    }
  }

  private async note({ number, one }: Numbered, violation: Violation): Promise<void> {
    const key = [violation.kind, one.operation.id, violation.what.replaceAll(/\d+/g, '#').slice(0, 60)].join(' ');
    const known = this.findings.get(key);
    if (known !== undefined) {
      this.findings.set(key, { ...known, times: known.times + 1 });
      return;
    }
    const shrunk = this.findings.size < MOST_FINDINGS ? await this.shrink(number, violation.kind) : undefined;
    const smallest = shrunk ?? { one, violation };
    const finding: Finding = {
      ...smallest.violation,
      operation: one.operation.id,
      caseNumber: number,
      curl: curlOf(this.filled(smallest.one), smallest.one.identity),
      times: 1,
    };
    this.findings.set(key, finding);
    this.options.say?.(describe(finding, this.options.seed));
  }

  /** The smallest request with a violation of that kind that fast-check comes to from this case. */
  private async shrink(
    number: number,
    kind: ViolationKind,
  ): Promise<{ readonly one: FuzzCase; readonly violation: Violation } | undefined> {
    const failed: { readonly one: FuzzCase; readonly violation: Violation }[] = [];
    const property = fc.asyncProperty(this.arbitraryOf(number), async (one) => {
      const violations =
        kind === 'state' ? await this.stateViolations(one) : (await this.send({ number, one })).violations;
      const violation = violations.find((each) => each.kind === kind);
      if (violation === undefined) {
        return true;
      }
      failed.push({ one, violation });
      return false;
    });
    await fc.check(property, { ...this.parametersOf(number), interruptAfterTimeLimit: SHRINK_MS });
    return failed.at(-1);
  }
}

/** A finding in a few lines, with what it takes to see it again. */
export function describe({ kind, what, operation, caseNumber, curl, times }: Finding, seed: number): string {
  const count = times === 1 ? '' : ` (${times} times)`;
  return [
    `✗ ${kind}: ${operation}: ${what}${count}`,
    `    again: npx rookery verify fuzz --seed ${seed} --from ${caseNumber} --cases 1`,
    `    ${curl}`,
  ].join('\n');
}
