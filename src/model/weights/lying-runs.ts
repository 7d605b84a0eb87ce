/** Finds runs of linears that lie one behind the other in a file as they lie in memory: each run is one read. */
import type { StoredMatrix } from "../../format/codecs/codec.ts";
import type { TensorEntry } from "../../format/tensor-index.ts";
import type { Linear } from "./linears.ts";

/** A linear with how it is stored. */
interface LyingMember {
  readonly linear: Linear;
  readonly stored: StoredMatrix;
}

export interface LyingRun {
  /** The tensor of the first linear: the run is `length` bytes from there on. */
  readonly tensor: TensorEntry;
  readonly length: number;
  /** Its linears, with their first bytes in the run. */
  readonly members: readonly (LyingMember & { readonly start: number })[];
}

/** Runs within an entry, in the order of the file. Linears that must be laid are passed over. */
export function lyingRuns(linears: readonly LyingMember[]): readonly LyingRun[] {
  const runs: { tensor: TensorEntry; entry: string; length: number; members: (LyingMember & { start: number })[] }[] =
    [];
  const found = linears.flatMap(({ linear, stored }) =>
    stored.lying === undefined ? [] : [{ linear, stored, lying: stored.lying }],
  );
  found.sort((a, b) => a.lying.tensor.offset - b.lying.tensor.offset);
  for (const { linear, stored, lying } of found) {
    const { tensor, entry, length } = lying;
    const run = runs.at(-1);
    if (run !== undefined && run.entry === entry && run.tensor.offset + run.length === tensor.offset) {
      run.members.push({ linear, stored, start: run.length });
      run.length += length;
    } else runs.push({ tensor, entry, length, members: [{ linear, stored, start: 0 }] });
  }
  return runs;
}
