/** The configuration that the forward pass needs, the same for all families. */

import type { RouterRule } from "../../nn/mlp.ts";
import type { RopeShape } from "../../nn/rope-frequencies.ts";
import type { Projection } from "../../tensor/linear-shape.ts";

/** Sizes and constants of a model. Each layer has either routed experts or one dense MLP. */
export interface ModelConfig {
  readonly modelType: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly rope: RopeShape;
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
  /** For each layer, whether it is MoE; the others have a dense MLP. */
  readonly moeLayers: readonly boolean[];
  readonly tiedEmbeddings: boolean;
  readonly bosId: number | undefined;
  readonly eosIds: readonly number[];
}
