/** Values of other tools; test/fixtures/eval/README.md says which. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { repositoryFile } from "../../helpers/shared.ts";

type Ends = readonly [number, number];

interface Fixture {
  readonly incompleteBeta: readonly (readonly [a: number, b: number, x: number, value: number])[];
  readonly logGamma: readonly (readonly [x: number, value: number])[];
  readonly erfc: readonly (readonly [x: number, value: number])[];
  readonly normalQuantile: readonly (readonly [p: number, value: number])[];
  readonly studentQuantile: readonly (readonly [p: number, freedom: number, value: number])[];
  readonly clopperPearson: readonly (readonly [k: number, n: number, level: number, lo: number, hi: number])[];
  readonly wilson: readonly (readonly [k: number, n: number, level: number, lo: number, hi: number])[];
  readonly binomialTest: readonly (readonly [k: number, n: number, p: number, value: number])[];
  readonly mcnemar: readonly {
    readonly b: number;
    readonly c: number;
    readonly method: string;
    readonly statistic?: number;
    readonly p: number;
  }[];
  readonly holm: readonly { readonly p: readonly number[]; readonly adjusted: readonly number[] }[];
  readonly data: Readonly<Record<"oursBinary" | "baselineBinary", string>> &
    Readonly<Record<"ours" | "baseline", readonly number[]>>;
  readonly meanWithError: readonly {
    readonly of: "oursBinary" | "ours";
    readonly mean: number;
    readonly stdErr: number;
  }[];
  readonly pooledStdErr: readonly {
    readonly stdErrs: readonly number[];
    readonly sizes: readonly number[];
    readonly value: number;
  }[];
  readonly bootstrap: readonly {
    readonly of: "binary" | "real";
    readonly samples: number;
    readonly seed: number;
    readonly level: number;
    readonly mean: Ends;
    readonly difference: Ends;
    readonly p: number;
    readonly numpy: { readonly mean: Ends; readonly difference: Ends; readonly p: number };
  }[];
  readonly paired: readonly {
    readonly of: "binary" | "real";
    readonly difference: number;
    readonly stdErr: number;
    readonly interval: Ends;
  }[];
}

export const FIXTURE = JSON.parse(
  readFileSync(repositoryFile("test/fixtures/eval/statistics.json"), "utf8"),
) as Fixture;

const outcomes = (text: string) => [...text].map(Number);

/** The runs that the fixture's bootstraps and comparisons are of. */
export const RUNS: Readonly<Record<"binary" | "real", { ours: readonly number[]; baseline: readonly number[] }>> = {
  binary: { ours: outcomes(FIXTURE.data.oursBinary), baseline: outcomes(FIXTURE.data.baselineBinary) },
  real: { ours: FIXTURE.data.ours, baseline: FIXTURE.data.baseline },
};

/** Relative to the expected value, where that is not 0. */
export function expectClose(actual: number, expected: number, tolerance: number): void {
  const scale = expected === 0 ? 1 : Math.abs(expected);
  if (!(Math.abs(actual - expected) <= tolerance * scale)) expect.fail(`${actual}, expected ${expected}`);
}
