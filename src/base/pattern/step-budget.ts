/** Bounds the time of many matches together. */
import type { QuernError } from "../errors.ts";

/** A pattern, and the file and the field that it was written in. */
export interface PatternOrigin {
  readonly source: string;
  readonly where: string;
}

/** Steps that matches may still take: many patterns against many names share one budget. */
export class StepBudget {
  readonly #spent: (pattern: PatternOrigin) => QuernError;
  #left: number;

  /** @param spent makes the error, given the pattern that asked for more steps than were left. */
  constructor(steps: number, spent: (pattern: PatternOrigin) => QuernError) {
    this.#left = steps;
    this.#spent = spent;
  }

  /** @throws the budget's error when fewer steps are left. */
  spend(steps: number, pattern: PatternOrigin): void {
    this.#left -= steps;
    if (this.#left < 0) throw this.#spent(pattern);
  }
}
