/** The promise every kernel makes: the same bits in both builds and however its units are cut. */
import { expect } from "vitest";
import type { KernelName } from "../../src/wasm/generated/kernels.ts";
import { Bench, BUILDS, type Build } from "./kernels.ts";

/** Calls a kernel for all its units, in the cut under test. */
export type Call = (kernel: KernelName, units: number, ...args: number[]) => void;
type Floats = Float32Array | Float64Array | Int32Array;

/** All at once; one by one from the back; in uneven pieces. */
const CUTS: readonly ((units: number) => [number, number][])[] = [
  (units) => [[0, units]],
  (units) => Array.from({ length: units }, (_, i) => [units - 1 - i, units - i]),
  (units) => [0, 1, 4].map((start, i) => [Math.min(start, units), Math.min([1, 4, units][i], units)]),
];

/** Runs a kernel scenario in every build and cut, expects the same bits of all, and returns them. */
export function sameBits<T extends Floats>(run: (bench: Bench, call: Call, build: Build) => T): T {
  let expected: T | undefined;
  for (const build of BUILDS)
    for (const cut of CUTS) {
      const bench = new Bench(build, 8 << 20);
      const call: Call = (kernel, units, ...args) => {
        for (const [first, last] of cut(units))
          if (first < last) bench.kernels[kernel](first, last, bench.scratch, ...args);
      };
      const result = run(bench, call, build).slice() as T;
      if (expected === undefined) expected = result;
      else if (!equalBytes(result, expected)) expect(bytes(result), `${build}, ${cut}`).toEqual(bytes(expected));
    }
  return expected!;
}

const bytes = (array: Floats) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** The matcher takes seconds for a megabyte; it is asked only for its message. */
function equalBytes(a: Floats, b: Floats): boolean {
  const [x, y] = [bytes(a), bytes(b)];
  return x.length === y.length && x.every((value, i) => value === y[i]);
}

/** Largest |actual - expected| over all entries, relative to max(|expected|, floor). */
export function worstError(actual: ArrayLike<number>, expected: ArrayLike<number>, floor: number): number {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < actual.length; i++) {
    const error = Math.abs(actual[i] - expected[i]) / Math.max(Math.abs(expected[i]), floor);
    if (!(error <= worst)) worst = error; // a NaN stays
  }
  return worst;
}
