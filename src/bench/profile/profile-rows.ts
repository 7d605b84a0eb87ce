/** Sums the timed calls of a pass by kernel and shape, and compares each sum with the ceilings of the same run. */
import type { Ceiling, Ceilings } from "../ceilings.ts";
import { arithmeticOf, type CallWork, isMatmul, type WorkCounter } from "./call-work.ts";
import type { CountedCall } from "./profiled-pass.ts";
import type { SplitCall } from "./split-tape.ts";

/** One kernel, with one shape where it multiplies linears. All figures are for one token. */
export interface ProfileRow {
  readonly kernel: string;
  /** Where in the block its linears are: `attention`, `experts`, `head`; empty for kernels without linears. */
  readonly site: string;
  /** Storage and shape of its linears. */
  readonly shape: string;
  readonly calls: number;
  readonly microseconds: number;
  /** Weights and cache that it reads. */
  readonly bytes: number;
  /** Two for a multiply-add. */
  readonly operations: number;
  /** Of the time of a token. */
  readonly share: number;
  /** What limits it: the ceiling that would take longest. Null if it reads no weights and no cache. */
  readonly limit: Ceiling | null;
  /** The time that this ceiling would take, divided by the time that the kernel takes. Above 1 if its weights are in a cache. */
  readonly ofCeiling: number | null;
}

/** The kernels of a decoded token, or of a token of a prompt. */
export interface PhaseProfile {
  readonly phase: "decode" | "prefill";
  /** Tokens before the decoded one, or tokens of the prompt. */
  readonly tokens: number;
  /** Tokens that are computed at once. */
  readonly batch: number;
  /** Microseconds of a token, as a session takes them. */
  readonly microseconds: number;
  /** Of these, what is not in kernels: JavaScript, pauses for the event loop, waiting for threads. Below 0 if timing the calls costs more. */
  readonly outside: number;
  /** Microseconds of sampling a decoded token from all logits, which come on top; 0 for prompts. */
  readonly sampling: number;
  readonly bytes: number;
  readonly operations: number;
  readonly rows: readonly ProfileRow[];
}

/** A call with its work, and the milliseconds that it takes. */
export interface TimedCall {
  readonly call: SplitCall;
  readonly counted: CountedCall;
  readonly milliseconds: number;
}

interface Sum {
  readonly kernel: string;
  readonly site: string;
  readonly shape: string;
  calls: number;
  milliseconds: number;
  bytes: number;
  operations: number;
}

/** Rows of calls that compute `tokens` tokens in all, the longest first. `microseconds`: of a token. */
export function profileRows(
  timed: readonly TimedCall[],
  {
    tokens,
    microseconds,
    counter,
  }: { readonly tokens: number; readonly microseconds: number; readonly counter: WorkCounter },
  ceilings: Ceilings,
): readonly ProfileRow[] {
  const sums = new Map<string, Sum>();
  for (const each of timed) add(sums, each, counter);
  const rows = [...sums.values()].map((sum): ProfileRow => {
    const { kernel, site, shape } = sum;
    const own = (1000 * sum.milliseconds) / tokens;
    const work = { bytes: sum.bytes / tokens, operations: sum.operations / tokens };
    const reached = ofCeiling(kernel, own, work, ceilings);
    return {
      kernel,
      site,
      shape,
      calls: sum.calls / tokens,
      microseconds: own,
      ...work,
      share: own / microseconds,
      ...reached,
    };
  });
  return rows.sort((a, b) => b.microseconds - a.microseconds);
}

function add(sums: Map<string, Sum>, { call, counted, milliseconds }: TimedCall, counter: WorkCounter): void {
  const { kernel, tap } = call;
  const isLinear = tap !== undefined && isMatmul(call);
  const [site, shape] = isLinear ? [tap.site, counter.shapeOf(tap)] : ["", ""];
  const key = [kernel, site, shape].join("|");
  const sum = sums.get(key) ?? { kernel, site, shape, calls: 0, milliseconds: 0, bytes: 0, operations: 0 };
  sums.set(key, sum);
  sum.calls++;
  sum.milliseconds += milliseconds;
  sum.bytes += counted.bytes;
  sum.operations += counted.operations;
}

/** The ceiling that would take longest, and how much of the time it would take. */
function ofCeiling(
  kernel: string,
  microseconds: number,
  { bytes, operations }: CallWork,
  ceilings: Ceilings,
): Pick<ProfileRow, "limit" | "ofCeiling"> {
  if (bytes === 0) return { limit: null, ofCeiling: null };
  const { ceiling: arithmetic, cost } = arithmeticOf(kernel);
  const reading = (1e6 * bytes) / ceilings.read;
  const computing = (1e6 * cost * operations) / ceilings[arithmetic];
  const limit: Ceiling = reading >= computing ? "read" : arithmetic;
  return { limit, ofCeiling: Math.max(reading, computing) / microseconds };
}
