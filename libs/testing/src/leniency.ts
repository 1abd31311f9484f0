/**
 * How many times longer than the product promises something may take in a spec. Suites run beside each other and beside the linter, and the
 * pipeline's machine is slower than a developer's: a spec shows that something is soon and not late, and a bench shows how soon.
 */
export const LENIENCY = 5;
