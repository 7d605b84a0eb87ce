/** The configuration that the forward pass needs, the same for all families. */

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
  readonly ropeTheta: number;
  /** Linear scaling of positions: they are divided by this factor; 1 for none. */
  readonly ropeFactor: number;
  /** A key is visible if `0 <= query - key < slidingWindow`; null if all earlier keys are visible. */
  readonly slidingWindow: number | null;
  readonly maxPositions: number;
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
  /** Whether the chosen experts' weights are divided by their sum. */
  readonly renormalize: boolean;
  /** Factor on the routing weights after renormalisation. */
  readonly routedScale: number;
  /** For each layer, whether it is MoE; the others have a dense MLP. */
  readonly moeLayers: readonly boolean[];
  readonly tiedEmbeddings: boolean;
  readonly bosId: number | undefined;
  readonly eosIds: readonly number[];
}
