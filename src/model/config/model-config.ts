/** What the forward pass needs to know of a model, whatever its family calls it. */

import type { Projection } from "../../tensor/linear-shape.ts";

/** Per layer: routed experts, or one dense MLP. */
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
  /** Linear position scaling (positions divided by it); 1 for none. */
  readonly ropeFactor: number;
  /** A key is visible while `0 <= query - key < slidingWindow`; null for all earlier ones. */
  readonly slidingWindow: number | null;
  readonly maxPositions: number;
  readonly experts: number;
  /** Experts a token is sent to. */
  readonly topK: number;
  readonly expertWidth: number;
  /** Shared experts of the original; they are stored as one MLP of `sharedWidth`, 0 for none. */
  readonly sharedExperts: number;
  readonly sharedWidth: number;
  readonly denseWidth: number;
  /** Whether the output of the shared experts is weighed by a linear of its own, through a sigmoid. */
  readonly sharedGate: boolean;
  /** Linears that may have a bias; one elsewhere is refused. */
  readonly biased: readonly Projection[];
  /** Whether the chosen experts' weights are divided by their sum. */
  readonly renormalize: boolean;
  /** Factor on the routing weights after renormalisation. */
  readonly routedScale: number;
  /** Whether a layer is MoE; the others have a dense MLP. */
  readonly moeLayers: readonly boolean[];
  readonly tiedEmbeddings: boolean;
  readonly bosId: number | undefined;
  readonly eosIds: readonly number[];
}
