/** The tree of weights that the forward pass walks, layer by layer. */
import { RopeTables } from "../../nn/rope-tables.ts";
import type { LinearShape } from "../../tensor/linear-shape.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type { Linear } from "./linears.ts";
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
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly o: Linear;
  /** The router of a MoE layer, and its experts by index; dense layers have neither. */
  readonly router: Linear | undefined;
  readonly experts: readonly Mlp[];
  readonly shared: Mlp | undefined;
  /** [1, D]: gives the weight of the shared experts' output. None of the present families has one. */
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
  return { ...weights, layers, head: own(weights.head) };
}

/** All linears of a layer, in the order of the forward pass. */
export function layerLinears(layer: LayerWeights): readonly Linear[] {
  const mlps = [...layer.experts, layer.shared, layer.dense].filter((mlp) => mlp !== undefined);
  const linears = mlps.flatMap((mlp) => [mlp.gate, mlp.up, mlp.down]);
  const all = [layer.q, layer.k, layer.v, layer.o, layer.router, ...linears, layer.sharedGate];
  return all.filter((linear) => linear !== undefined);
}

/** Builds the tree from the linears of a store and the addresses of norms (two for each layer, then the final one). */
export function weightTree(config: ModelConfig, store: WeightStore, norms: readonly number[]): Weights {
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
    const [normAttention, normMlp] = norms.slice(2 * layer);
    const [q, k, v, o] = (["q", "k", "v", "o"] as const).map((each) => take(layer, "attention", each));
    return {
      ...{ normAttention, normMlp, q, k, v, o },
      router: find(layer, "router", "router"),
      experts: moe ? Array.from({ length: config.experts }, (_, expert) => mlp(layer, "expert", expert)) : [],
      shared: moe && config.sharedWidth > 0 ? mlp(layer, "shared") : undefined,
      sharedGate: find(layer, "sharedGate", "sharedGate"),
      dense: moe ? undefined : mlp(layer, "dense"),
    };
  });
  const head = find(-1, "head", "head") ?? embedding;
  return { store, rope: ropeTables(config, store), embedding, layers, normFinal: norms[2 * config.layers], head };
}

function ropeTables({ headDim, ropeTheta, ropeFactor }: ModelConfig, store: WeightStore): RopeTables {
  const scaling = ropeFactor === 1 ? undefined : ({ type: "linear", factor: ropeFactor } as const);
  return new RopeTables(store.memoryOf(-1).arena, { rotaryDim: headDim, theta: ropeTheta, scaling });
}

function placeOf({ layer, role, expert, projection }: Omit<LinearShape, "name" | "rows" | "cols">): string {
  return `${layer}/${role}/${expert}/${projection}`;
}
