/** The configuration that the forward pass needs, the same for all families. */

import type { ClampedSwiglu, RouterRule } from "../../nn/mlp.ts";
import type { RopeShape } from "../../nn/rope-frequencies.ts";
import type { Projection } from "../../tensor/linear-shape.ts";

/** How a layer mixes tokens: attention, attention over keys and values from a latent (DeepSeek-V2), or a short convolution (LFM2). */
export type MixerKind = "attention" | "latent" | "conv";

/** Sizes of latent attention. A head's key has `plain` columns of its own, then the rotated ones that all heads share. */
export interface LatentShape {
  /** Width of the queries' latent; null for queries straight from the input. */
  readonly queryRank: number | null;
  /** Width of the latent of keys and values. */
  readonly rank: number;
  readonly plain: number;
}

/** Sizes of the short convolutions along the sequence. */
export interface ConvShape {
  /** Tokens that a filter covers, the present one included. */
  readonly taps: number;
  /** Whether the filters have biases. */
  readonly biased: boolean;
}

/** Sizes and constants of a model. Each layer has either routed experts or one dense MLP. */
export interface ModelConfig {
  readonly modelType: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Width of a head's queries and keys. */
  readonly headDim: number;
  /** Width of a head's values. */
  readonly valueDim: number;
  /** For each layer, how it mixes tokens. */
  readonly mixers: readonly MixerKind[];
  /** Null for a model without latent attention. */
  readonly latent: LatentShape | null;
  /** Null for a model without convolutions. */
  readonly conv: ConvShape | null;
  /** Whether every head has a sink, which is a score that takes part in the softmax and adds nothing. */
  readonly sinks: boolean;
  readonly rmsNormEps: number;
  readonly rope: RopeShape;
  /** Whether RoPE rotates neighbouring columns (2i, 2i + 1) instead of (i, i + half). */
  readonly ropePairs: boolean;
  /** For each layer, its window: a key is visible if `0 <= query - key < window`; null if all earlier keys are visible. */
  readonly windows: readonly (number | null)[];
  /** RMSNorm of queries and keys before RoPE: of each head by itself, of the whole row, or none. */
  readonly qkNorm: "none" | "head" | "row";
  /** Queries, keys and values are limited to plus and minus this before RoPE; null for no limit. */
  readonly clipQkv: number | null;
  /** Factor on q k^T before the softmax. */
  readonly attentionScale: number;
  /** Factor on the embedding. */
  readonly embeddingScale: number;
  /** Factor on what attention and the MLP or the experts add to the residual stream. */
  readonly residualScale: number;
  /** Factor on the logits. */
  readonly logitScale: number;
  readonly maxPositions: number;
  /** Experts of a MoE layer; 0 for a dense model. */
  readonly experts: number;
  /** Number of experts that compute each token. */
  readonly topK: number;
  readonly expertWidth: number;
  /** Number of shared experts, 0 for none. They are stored as one MLP of `sharedWidth`. */
  readonly sharedExperts: number;
  readonly sharedWidth: number;
  readonly denseWidth: number;
  /** Whether a separate linear, followed by a sigmoid, gives the weight of the shared experts' output. */
  readonly sharedGate: boolean;
  /** Projections that may have a bias. A bias of any other linear is refused. */
  readonly biased: readonly Projection[];
  /** Whether every linear of those projections must have one. */
  readonly needsBiases: boolean;
  readonly router: RouterRule;
  /** The limits of SwiGLU in gpt-oss; null for SwiGLU as usual. */
  readonly clampedSwiglu: ClampedSwiglu | null;
  /** For each layer, whether it is MoE; the others have a dense MLP. */
  readonly moeLayers: readonly boolean[];
  readonly tiedEmbeddings: boolean;
  readonly bosId: number | undefined;
  readonly eosIds: readonly number[];
}
