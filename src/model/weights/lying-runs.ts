/** Finds runs of linears that lie one behind the other in a file as they lie in memory: each run is one read. */
import type { ReadRange } from "../../format/read-ahead.ts";
import type { Linear } from "./linears.ts";

/** A run: `length` bytes from the tensor of its first linear on, and its linears with their first bytes in it. */
export interface LyingRun extends Pick<ReadRange, "tensor"> {
  length: number;
  readonly members: { readonly linear: Linear; readonly start: number }[];
}

/** The runs of linears that come in the order of the file, as they do in the forward pass. Linears that must be laid are passed over. */
export function lyingRuns(
  linears: readonly Linear[],
  rangeOf: (linear: Linear) => ReadRange | undefined,
): readonly LyingRun[] {
  const runs: LyingRun[] = [];
  for (const linear of linears) {
    const range = rangeOf(linear);
    if (range === undefined) continue;
    const { tensor, length } = range;
    const run = runs.at(-1);
    const start = run !== undefined && run.tensor.offset + run.length === tensor.offset ? run.length : 0;
    if (run === undefined || start === 0) runs.push({ tensor, length, members: [{ linear, start }] });
    else {
      run.members.push({ linear, start });
      run.length += length;
    }
  }
  return runs;
}
