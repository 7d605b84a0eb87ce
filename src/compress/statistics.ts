/**
 * What a calibration run tells of a model, and how runs over other tokens are added up: counts and sums add, means weigh by
 * their tokens, maxima take the larger. In a file: statistics-file.ts.
 */
import { UsageError } from "../errors.ts";
import type { ExpertUse } from "../eval/expert-usage.ts";
import type { Tap } from "../model/forward.ts";
import type { Slot } from "../model/slots.ts";
import type { DamageTable } from "./damage/damage-table.ts";
import type { OutlierScore } from "./outlier.ts";
import { starvedBelow } from "./starved.ts";

export interface BlockStatistics {
  readonly layer: number;
  /** Mean cosine of the residual stream before and after the block's MLP (or MoE) module: the lower, the more it changes. */
  readonly cosine: number;
  /** The same between the module's normed input and its output. */
  readonly cosineModule: number;
  /** Mean cosine that a learned scorer predicts, where one was asked. */
  readonly predicted?: number;
}

/** How often two experts of a layer were chosen by the same token; on the diagonal how often each was chosen. */
export interface ExpertPairs {
  readonly layer: number;
  /** [E, E], symmetric. */
  readonly counts: Float64Array;
}

/** Taps at which linears read their input. */
export type LinearSite = Exclude<Tap["site"], "mlp" | "hidden">;

/** What the linears of one site read. Routed experts see their own tokens each (`experts` rows); elsewhere there is one row. */
export interface InputStatistics {
  readonly layer: number;
  readonly site: LinearSite;
  readonly experts: number;
  readonly cols: number;
  /** [experts]. */
  readonly tokens: Float64Array;
  /** max |x| of each column over its tokens, [experts, cols]. */
  readonly channelMax: Float32Array;
  /** Diagonal of H = 2/T X^T X, [experts, cols]: twice the mean of x^2; 0 without tokens. */
  readonly hessianDiagonal: Float64Array;
  /** Lower triangle of H by rows, [experts, cols (cols + 1) / 2], where it was asked for. */
  readonly hessian?: Float64Array;
}

export const DISTANCE_BITS = [2, 3, 4] as const;
export type DistanceBits = (typeof DISTANCE_BITS)[number];

/** What rounding an expert's three linears does to its output w y, w its routing weight: sums over its own tokens. */
export interface ExpertDistance {
  readonly layer: number;
  readonly expert: number;
  /** Sum of |w y|^2. */
  readonly energy: number;
  /** Sum of |w (y' - y)|^2 by width. */
  readonly errors: Readonly<Record<DistanceBits, number>>;
}

export interface StarvedUse {
  readonly layer: number;
  readonly expert: number;
  readonly tokens: number;
}

export interface Statistics {
  /** What the model is (model/identity.ts). */
  readonly modelHash: string;
  /** SHA-256 of the windows of each run that was added up. */
  readonly tokenHashes: readonly string[];
  readonly tokens: number;
  readonly windows: number;
  /** By layer and expert. */
  readonly experts: readonly ExpertUse[];
  readonly pairs: readonly ExpertPairs[];
  readonly blocks: readonly BlockStatistics[];
  /** Every float linear, in slot order. */
  readonly linears: readonly OutlierScore[];
  readonly inputs: readonly InputStatistics[];
  /** As `experts`, where they were asked for. */
  readonly distances?: readonly ExpertDistance[];
  /** Damage of every linear at every width, where policy knapsack has measured it. */
  readonly damage?: DamageTable;
  /** Experts with fewer tokens than a quarter of their input columns. */
  readonly starved: readonly StarvedUse[];
}

/** Error of an expert's weighted output at a width, relative to that output: 0 without tokens. */
export function relativeDistance({ energy, errors }: ExpertDistance, bits: DistanceBits): number {
  return energy > 0 ? errors[bits] / energy : 0;
}

const SITES: Readonly<Record<string, readonly [LinearSite, LinearSite]>> = {
  expert: ["experts", "expertsDown"],
  shared: ["shared", "sharedDown"],
  dense: ["dense", "denseDown"],
};

/** The statistics of what a linear reads, and its row in their arrays. */
export function inputOf(
  statistics: Statistics,
  { role, layer, expert, projection }: Pick<Slot, "role" | "layer" | "expert" | "projection">,
): { readonly input: InputStatistics; readonly row: number } | undefined {
  const inAttention = projection === "o" ? "output" : "attention";
  const site = SITES[role]?.[projection === "down" ? 1 : 0] ?? (role === "attention" ? inAttention : role);
  const input = statistics.inputs.find((entry) => entry.layer === layer && entry.site === site);
  return input === undefined ? undefined : { input, row: Math.max(0, expert) };
}

export function starvedOf(experts: readonly ExpertUse[], hiddenSize: number): readonly StarvedUse[] {
  const least = starvedBelow(hiddenSize);
  return experts.filter(({ tokens }) => tokens < least).map(({ layer, expert, tokens }) => ({ layer, expert, tokens }));
}

/** @throws UsageError for another model, the same tokens, or where only one has Hessians or distances. */
export function mergeStatistics(a: Statistics, b: Statistics): Statistics {
  if (a.modelHash !== b.modelHash)
    throw new UsageError("statistics", "those of two models", "runs of the same configuration and weights");
  const twice = a.tokenHashes.find((hash) => b.tokenHashes.includes(hash));
  if (twice !== undefined)
    throw new UsageError("statistics", `the same tokens in both (SHA-256 ${twice})`, "runs over different tokens");
  return { ...addStatistics(a, b), tokenHashes: [...a.tokenHashes, ...b.tokenHashes] };
}

/** The sums of two runs of one model; hashes stay the first one's. */
export function addStatistics(a: Statistics, b: Statistics): Statistics {
  checkSameParts(a, b);
  const experts = a.experts.map((use, i) => {
    return { ...use, tokens: use.tokens + b.experts[i].tokens, gateSum: use.gateSum + b.experts[i].gateSum };
  });
  const weights = [a.tokens, b.tokens] as const;
  const distances = a.distances?.map((distance, i) => addDistance(distance, b.distances![i]));
  const hiddenSize = a.inputs.find(({ site }) => site === "experts")?.cols ?? 0;
  return {
    ...a,
    tokens: a.tokens + b.tokens,
    windows: a.windows + b.windows,
    experts,
    pairs: a.pairs.map(({ layer, counts }, i) => {
      return { layer, counts: counts.map((count, at) => count + b.pairs[i].counts[at]) };
    }),
    blocks: a.blocks.map((block, i) => addBlock(block, b.blocks[i], weights)),
    inputs: a.inputs.map((input, i) => addInput(input, b.inputs[i])),
    ...(distances === undefined ? {} : { distances }),
    starved: starvedOf(experts, hiddenSize),
  };
}

function checkSameParts(a: Statistics, b: Statistics): void {
  const differ = (what: string) =>
    new UsageError("statistics", `${what} in one run only`, "runs with the same options, so that both can be added up");
  if ((a.distances === undefined) !== (b.distances === undefined)) throw differ("distances");
  if (a.inputs.some(({ hessian }, i) => (hessian === undefined) !== (b.inputs[i]?.hessian === undefined)))
    throw differ("whole Hessians");
  const shape = ({ experts, pairs, blocks, inputs }: Statistics) =>
    [
      experts.length,
      pairs.length,
      blocks.length,
      ...inputs.flatMap((i) => [i.layer, i.site, i.experts, i.cols]),
    ].join();
  if (shape(a) !== shape(b)) throw new UsageError("statistics", "other layers, experts or sites", "runs of one model");
}

type Weights = readonly [number, number];

/** (m a + n b) / (m + n); 0 where both weights are. */
function mean(a: number, b: number, [m, n]: Weights): number {
  return m + n === 0 ? 0 : (m * a + n * b) / (m + n);
}

function addBlock(a: BlockStatistics, b: BlockStatistics, weights: Weights): BlockStatistics {
  const predicted =
    a.predicted === undefined || b.predicted === undefined
      ? (a.predicted ?? b.predicted)
      : mean(a.predicted, b.predicted, weights);
  return {
    layer: a.layer,
    cosine: mean(a.cosine, b.cosine, weights),
    cosineModule: mean(a.cosineModule, b.cosineModule, weights),
    ...(predicted === undefined ? {} : { predicted }),
  };
}

function addInput(a: InputStatistics, b: InputStatistics): InputStatistics {
  const means = (left: Float64Array, right: Float64Array) => {
    const width = left.length / a.experts;
    return left.map((value, at) => {
      const row = Math.floor(at / width);
      return mean(value, right[at], [a.tokens[row], b.tokens[row]]);
    });
  };
  return {
    ...a,
    tokens: a.tokens.map((count, row) => count + b.tokens[row]),
    channelMax: a.channelMax.map((most, at) => Math.max(most, b.channelMax[at])),
    hessianDiagonal: means(a.hessianDiagonal, b.hessianDiagonal),
    ...(a.hessian === undefined || b.hessian === undefined ? {} : { hessian: means(a.hessian, b.hessian) }),
  };
}

function addDistance(a: ExpertDistance, b: ExpertDistance): ExpertDistance {
  const errors = DISTANCE_BITS.map((bits) => [bits, a.errors[bits] + b.errors[bits]]);
  return { ...a, energy: a.energy + b.energy, errors: Object.fromEntries(errors) as ExpertDistance["errors"] };
}
