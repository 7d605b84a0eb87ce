/** The tree of weight handles that the forward pass walks. */
import type { LinearShape } from "../../tensor/linear-shape.ts";
import type { FloatMatrix, Matrix } from "../../tensor/matrix.ts";

/** One linear of the network. Quantising replaces `matrix` in place: the blocks after it then see the new weights. */
export interface Linear extends LinearShape {
  matrix: Matrix;
}

export interface Mlp {
  readonly gate: Linear;
  readonly up: Linear;
  readonly down: Linear;
}

export interface LayerWeights {
  /** Addresses of f32 [D]. */
  readonly normAttention: number;
  readonly normMlp: number;
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly o: Linear;
  /** MoE layers: router and experts by index; dense layers: neither. */
  readonly router: Linear | undefined;
  readonly experts: readonly Mlp[];
  readonly shared: Mlp | undefined;
  readonly dense: Mlp | undefined;
}

export interface Weights {
  readonly embedding: FloatMatrix;
  readonly layers: readonly LayerWeights[];
  readonly normFinal: number;
  /** The embedding itself where they are tied. */
  readonly head: Linear;
}

/** All linears of a layer in the order in which the forward pass meets them. */
export function layerLinears(layer: LayerWeights): readonly Linear[] {
  const mlps = [...layer.experts, layer.shared, layer.dense].filter((mlp) => mlp !== undefined);
  const router = layer.router === undefined ? [] : [layer.router];
  return [layer.q, layer.k, layer.v, layer.o, ...router, ...mlps.flatMap((mlp) => [mlp.gate, mlp.up, mlp.down])];
}
