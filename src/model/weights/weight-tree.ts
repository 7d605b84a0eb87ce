/** The tree of weights that the forward pass walks, layer by layer. */
import { RopeTables } from "../../nn/rope-tables.ts";
import type { LinearShape } from "../../tensor/linear-shape.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type { Linear } from "./linears.ts";
import type { VectorKind, VectorShape } from "./vectors.ts";
import type { WeightStore } from "./weight-store.ts";

export interface Mlp {
  readonly gate: Linear;
  readonly up: Linear;
  readonly down: Linear;
}

export interface LayerWeights {
  /** Addresses of the norms' weights, f32 [D]. */
  readonly normAttention: number;
  readonly normMlp: number;
  /** Addresses of the weights of the norms of queries and keys; 0 for a family without them. */
  readonly normQuery: number;
  readonly normKey: number;
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly o: Linear;
  /** The router of a MoE layer, and its experts by index; dense layers have neither. */
  readonly router: Linear | undefined;
  readonly experts: readonly Mlp[];
  readonly shared: Mlp | undefined;
  /** [1, D]: its sigmoid is the weight of the shared experts' output. */
  readonly sharedGate: Linear | undefined;
  readonly dense: Mlp | undefined;
}

export interface Weights {
  /** Owns the memory of the weights. */
  readonly store: WeightStore;
  /** Tables of RoPE's cosines and sines, shared by all sessions of the model. */
  readonly rope: RopeTables;
  readonly embedding: Linear;
  readonly layers: readonly LayerWeights[];
  readonly normFinal: number;
  /** The embedding itself if the two are tied. */
  readonly head: Linear;
}

/**
 * A copy of the tree in which a job can replace the matrices of linears without effect on other users of the model. Linears that are
 * not replaced follow the original's addresses, even if the store moves them.
 */
export function overlayOf(weights: Weights): Weights {
  const own = (linear: Linear): Linear => Object.create(linear) as Linear;
  const mlp = ({ gate, up, down }: Mlp): Mlp => ({ gate: own(gate), up: own(up), down: own(down) });
  const layers = weights.layers.map((layer) => ({
    ...layer,
    ...{ q: own(layer.q), k: own(layer.k), v: own(layer.v), o: own(layer.o) },
    router: layer.router && own(layer.router),
    experts: layer.experts.map(mlp),
    shared: layer.shared && mlp(layer.shared),
    sharedGate: layer.sharedGate && own(layer.sharedGate),
    dense: layer.dense && mlp(layer.dense),
  }));
  return { ...weights, embedding: own(weights.embedding), layers, head: own(weights.head) };
}

/** All linears of a layer, in the order of the forward pass. */
export function layerLinears(layer: LayerWeights): readonly Linear[] {
  const mlps = [...layer.experts, layer.shared, layer.dense].filter((mlp) => mlp !== undefined);
  const linears = mlps.flatMap((mlp) => [mlp.gate, mlp.up, mlp.down]);
  const all = [layer.q, layer.k, layer.v, layer.o, layer.router, ...linears, layer.sharedGate];
  return all.filter((linear) => linear !== undefined);
}

/** A vector in memory, f32 [length]. */
export interface PlacedVector extends VectorShape {
  readonly ptr: number;
}

/** Builds the tree from the linears of a store and the vectors in its memory. */
export function weightTree(config: ModelConfig, store: WeightStore, vectors: readonly PlacedVector[]): Weights {
  const pointers = new Map(vectors.map(({ kind, layer, ptr }) => [`${kind}/${layer}`, ptr]));
  const pointer = (kind: VectorKind, layer: number) => pointers.get(`${kind}/${layer}`) ?? 0;
  const byPlace = new Map(store.linears.map((linear) => [placeOf(linear), linear]));
  const find = (layer: number, role: Linear["role"], projection: Linear["projection"], expert = -1) =>
    byPlace.get(placeOf({ layer, role, projection, expert }));
  const take = (...place: Parameters<typeof find>) => find(...place) as Linear;
  const mlp = (layer: number, role: Linear["role"], expert = -1): Mlp => ({
    gate: take(layer, role, "gate", expert),
    up: take(layer, role, "up", expert),
    down: take(layer, role, "down", expert),
  });
  const embedding = take(-1, "embedding", "embedding");
  const layers = config.moeLayers.map((moe, layer): LayerWeights => {
    const [q, k, v, o] = (["q", "k", "v", "o"] as const).map((each) => take(layer, "attention", each));
    return {
      normAttention: pointer("normAttention", layer),
      normMlp: pointer("normMlp", layer),
      normQuery: pointer("normQuery", layer),
      normKey: pointer("normKey", layer),
      ...{ q, k, v, o },
      router: find(layer, "router", "router"),
      experts: moe ? Array.from({ length: config.experts }, (_, expert) => mlp(layer, "expert", expert)) : [],
      shared: moe && config.sharedWidth > 0 ? mlp(layer, "shared") : undefined,
      sharedGate: find(layer, "sharedGate", "sharedGate"),
      dense: moe ? undefined : mlp(layer, "dense"),
    };
  });
  const head = find(-1, "head", "head") ?? embedding;
  const rope = new RopeTables(store.memoryOf(-1).arena, config.rope);
  return { store, rope, embedding, layers, normFinal: pointer("normFinal", -1), head };
}

function placeOf({ layer, role, expert, projection }: Omit<LinearShape, "name" | "rows" | "cols">): string {
  return `${layer}/${role}/${expert}/${projection}`;
}
