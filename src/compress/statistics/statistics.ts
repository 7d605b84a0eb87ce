/** Statistics that a calibration run gathers from a model. statistics-file.ts stores them; statistics-sum.ts adds up several runs. */
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
  /** Mean cosine of the residual stream before and after the block's MLP (or MoE) module. The lower it is, the more the block changes the stream. */
  readonly cosine: number;
  /** The same between the module's normed input and its output. */
  readonly cosineModule: number;
  /** Mean cosine that a learned scorer predicts, if one was trained. */
  readonly predicted?: number;
}

/** How many tokens chose both of two experts of a layer. The diagonal counts the tokens of each expert. */
export interface ExpertPairs {
  readonly layer: number;
  /** [E, E], symmetric. */
  readonly counts: Float64Array;
}

/** Statistics of the input of one site's linears. Each routed expert has a row of its own tokens (`experts` rows); other sites have one row. */
export interface InputStatistics {
  readonly layer: number;
  readonly site: LinearSite;
  readonly experts: number;
  readonly cols: number;
  /** [experts]. */
  readonly tokens: Float64Array;
  /** max |x| of each column over the row's tokens, [experts, cols]. */
  readonly channelMax: Float32Array;
  /** Diagonal of H = 2/T X^T X, [experts, cols]: twice the mean of x^2; 0 without tokens. */
  readonly hessianDiagonal: Float64Array;
  /** The whole of H, if it was requested. If it comes from a file, it can be read as long as that file is open. */
  readonly hessian?: Triangles;
}

export const DISTANCE_BITS = [2, 3, 4] as const;
export type DistanceBits = (typeof DISTANCE_BITS)[number];

/** Error that rounding an expert's three linears causes in its output w y, where w is the routing weight: sums over the expert's own tokens. */
export interface ExpertDistance {
  readonly layer: number;
  readonly expert: number;
  /** Sum of |w y|^2. */
  readonly energy: number;
  /** Sum of |w (y' - y)|^2, by bit width. */
  readonly errors: Readonly<Record<DistanceBits, number>>;
}

export interface StarvedUse {
  readonly layer: number;
  readonly expert: number;
  readonly tokens: number;
}

/** Statistics of one pass over calibration tokens: expert use, blocks, weights and inputs. Runs over different tokens can be added up. */
export interface Statistics {
  /** Hash of configuration and weights (model/model-identity.ts). */
  readonly modelHash: string;
  /** SHA-256 of the windows of each run in the sum. */
  readonly tokenHashes: readonly string[];
  readonly tokens: number;
  readonly windows: number;
  /** By layer and expert. */
  readonly experts: readonly ExpertUse[];
  readonly pairs: readonly ExpertPairs[];
  readonly blocks: readonly BlockStatistics[];
  /** Every float linear, in the order of the forward pass. */
  readonly linears: readonly OutlierScore[];
  readonly inputs: readonly InputStatistics[];
  /** By layer and expert, if distances were requested. */
  readonly distances?: readonly ExpertDistance[];
  /** Damage of every linear at every width, if policy knapsack has measured it. */
  readonly damage?: DamageTable;
  /** Experts with fewer tokens than a quarter of their input columns. */
  readonly starved: readonly StarvedUse[];
}

/** Error of an expert's weighted output at a bit width, relative to that output; 0 without tokens. */
export function relativeDistance({ energy, errors }: ExpertDistance, bits: DistanceBits): number {
  return energy > 0 ? errors[bits] / energy : 0;
}

/** The statistics of a linear's input, and the linear's row in their arrays. */
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
