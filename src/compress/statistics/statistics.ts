/** What a calibration run tells of a model. In a file: statistics-file.ts; of several runs: statistics-sum.ts. */
import type { ExpertUse } from "../../eval/perplexity/expert-usage.ts";
import { type LinearSite, siteOf } from "../../model/weights/sites.ts";
import type { LinearShape } from "../../tensor/linear-shape.ts";
import { starvedBelow } from "../quantize/starved-experts.ts";
import type { DamageTable } from "./damage-table.ts";
import type { OutlierScore } from "./outlier-scores.ts";
import type { Triangles } from "./triangles.ts";

/**
 * Mean cosines of one block over all tokens: of the residual stream before and after it, and of its module's input
 * and output.
 */
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
  /** The whole of H, where it was asked for. What was read from a file is good as long as that file is open. */
  readonly hessian?: Triangles;
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

/**
 * What one pass over calibration tokens tells of a model: expert use, blocks, weights and inputs. Runs over other
 * tokens add up.
 */
export interface Statistics {
  /** What the model is (model/model-identity.ts). */
  readonly modelHash: string;
  /** SHA-256 of the windows of each run that was added up. */
  readonly tokenHashes: readonly string[];
  readonly tokens: number;
  readonly windows: number;
  /** By layer and expert. */
  readonly experts: readonly ExpertUse[];
  readonly pairs: readonly ExpertPairs[];
  readonly blocks: readonly BlockStatistics[];
  /** Every float linear, in the order in which the forward pass meets them. */
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

/** The statistics of what a linear reads, and its row in their arrays. */
export function inputOf(
  statistics: Statistics,
  linear: Pick<LinearShape, "role" | "layer" | "expert" | "projection">,
): { readonly input: InputStatistics; readonly row: number } | undefined {
  const { layer, expert } = linear;
  const site = siteOf(linear);
  const input = statistics.inputs.find((entry) => entry.layer === layer && entry.site === site);
  return input === undefined ? undefined : { input, row: Math.max(0, expert) };
}

export function starvedOf(experts: readonly ExpertUse[], hiddenSize: number): readonly StarvedUse[] {
  const least = starvedBelow(hiddenSize);
  return experts.filter(({ tokens }) => tokens < least).map(({ layer, expert, tokens }) => ({ layer, expert, tokens }));
}
