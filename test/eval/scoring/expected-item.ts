/** A line of the task items computed outside this project; `test/fixtures/eval/README.md` says how. */
export interface ExpectedItem {
  readonly gold: number;
  /** One a choice, as all lists here. */
  readonly ll: readonly number[];
  readonly greedy: readonly boolean[];
  readonly contTokens: readonly number[];
  readonly ctxTokens: readonly number[];
  readonly dropped: readonly number[];
  readonly pred: number;
  readonly acc: number;
  readonly accNorm?: number;
}

export function firstLargest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}
