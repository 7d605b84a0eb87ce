/** One finding of a report: what a sentence says, and how certain it is. */

/** A sentence about one model, as plain text. */
export interface Finding {
  readonly model: string;
  /** The claim in a few characters: "41 % less KL". */
  readonly figure: string;
  readonly claim: string;
  /** Difference, interval, corrected p and unit. */
  readonly certainty: string;
}
