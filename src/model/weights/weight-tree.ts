/** The tree of weight handles that the forward pass walks. */
import type { LinearShape } from "../../tensor/linear-shape.ts";
import type { FloatMatrix, Matrix } from "../../tensor/matrix.ts";
import type { Region } from "../../wasm/memory/region.ts";

/** One linear of the network. Quantising replaces `matrix` in an overlay of the tree: the blocks after it then see the new weights. */
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
  /** Owns what lies at the addresses. */
  readonly memory: Region;
  readonly embedding: FloatMatrix;
  readonly layers: readonly LayerWeights[];
  readonly normFinal: number;
  /** The embedding itself where they are tied. */
  readonly head: Linear;
}

/**
 * A copy of the tree whose linears are its own and share the matrices: a job replaces them there without anybody else noticing.
 */
export function overlayOf(weights: Weights): Weights {
  const own = (linear: Linear): Linear => ({ ...linear });
  const mlp = ({ gate, up, down }: Mlp): Mlp => ({ gate: own(gate), up: own(up), down: own(down) });
  const layers = weights.layers.map((layer) => ({
    ...layer,
    ...{ q: own(layer.q), k: own(layer.k), v: own(layer.v), o: own(layer.o) },
    router: layer.router && own(layer.router),
    experts: layer.experts.map(mlp),
    shared: layer.shared && mlp(layer.shared),
    dense: layer.dense && mlp(layer.dense),
  }));
  return { ...weights, layers, head: own(weights.head) };
}

/** All linears of a layer in the order in which the forward pass meets them. */
export function layerLinears(layer: LayerWeights): readonly Linear[] {
  const mlps = [...layer.experts, layer.shared, layer.dense].filter((mlp) => mlp !== undefined);
  const router = layer.router === undefined ? [] : [layer.router];
  return [layer.q, layer.k, layer.v, layer.o, ...router, ...mlps.flatMap((mlp) => [mlp.gate, mlp.up, mlp.down])];
}
