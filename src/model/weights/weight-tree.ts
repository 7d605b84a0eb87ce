/** The tree of weights that the forward pass walks, layer by layer. */
import { groupBy } from "../../base/group-by.ts";
import { RopeTables } from "../../nn/rope-tables.ts";
import type { LinearShape } from "../../tensor/linear-shape.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { MixerKind, ModelConfig } from "../config/model-config.ts";
import type { Linear } from "./linears.ts";
import type { VectorKind, VectorShape } from "./vectors.ts";
import type { FurtherMemory, WeightStore } from "./weight-store.ts";

export interface Mlp {
  readonly gate: Linear;
  readonly up: Linear;
  readonly down: Linear;
}

/** What mixes tokens in a layer. */
export type MixerWeights = AttentionWeights | LatentWeights | ConvWeights;

export interface AttentionWeights {
  readonly kind: "attention";
  readonly linears: Readonly<Record<"q" | "k" | "v" | "o", Linear>>;
  /** Addresses of the weights of the norms of queries and keys; 0 for a family without them. */
  readonly normQuery: number;
  readonly normKey: number;
  /** Address of the heads' sinks, f32 [Hq]; 0 for none. */
  readonly sinks: number;
}

export interface LatentWeights {
  readonly kind: "latent";
  /** Queries come from `q`, or from `qDown` and `qUp`. */
  readonly linears: Readonly<Record<"kvDown" | "kvUp" | "o", Linear>> &
    Readonly<Partial<Record<"q" | "qDown" | "qUp", Linear>>>;
  /** Addresses of the weights of the norms of both latents; 0 for queries straight from the input. */
  readonly normQuery: number;
  readonly normKey: number;
}

export interface ConvWeights {
  readonly kind: "conv";
  readonly linears: Readonly<Record<"convIn" | "convOut", Linear>>;
  /** Addresses of f32 [taps, D] and f32 [D]; 0 for no bias. */
  readonly filter: number;
  readonly filterBias: number;
}

export interface LayerWeights {
  /** Addresses of the norms' weights, f32 [D]. */
  readonly normAttention: number;
  readonly normMlp: number;
  readonly mixer: MixerWeights;
  /** The router of a MoE layer, and its experts by index; dense layers have neither. */
  readonly router: Linear | undefined;
  /** Address of what is added to the scores before experts are chosen, f32 [E]; 0 for none. */
  readonly routerBias: number;
  readonly experts: readonly Mlp[];
  readonly shared: Mlp | undefined;
  /** A row [1, D] whose output's sigmoid is the weight of the shared experts' output. */
  readonly sharedGate: Linear | undefined;
  readonly dense: Mlp | undefined;
}

/** The layers of a further memory, with its own tables. */
export interface Stage extends FurtherMemory {
  readonly rope: RopeTables;
}

export interface Weights {
  /** Owns the memory of the weights. */
  readonly store: WeightStore;
  /** The layers that are not in the main memory; none where all weights are in one. */
  readonly stages: readonly Stage[];
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
    mixer: { ...layer.mixer, linears: mapValues(layer.mixer.linears, own) } as MixerWeights,
    router: layer.router && own(layer.router),
    experts: layer.experts.map(mlp),
    shared: layer.shared && mlp(layer.shared),
    sharedGate: layer.sharedGate && own(layer.sharedGate),
    dense: layer.dense && mlp(layer.dense),
  }));
  return { ...weights, embedding: own(weights.embedding), layers, head: own(weights.head) };
}

/** Lets a linear of an overlay follow the original again, after its matrix was replaced. */
export function follow(linear: Linear): void {
  Reflect.deleteProperty(linear, "matrix");
}

/** All linears of a layer, in the order of the forward pass. */
export function layerLinears(layer: LayerWeights): readonly Linear[] {
  const mlps = [...layer.experts, layer.shared, layer.dense].filter((mlp) => mlp !== undefined);
  const linears = mlps.flatMap((mlp) => [mlp.gate, mlp.up, mlp.down]);
  const all = [...Object.values<Linear>(layer.mixer.linears), layer.router, ...linears, layer.sharedGate];
  return all.filter((linear) => linear !== undefined);
}

/** A vector in memory, f32 [length]. */
export interface PlacedVector extends VectorShape {
  readonly ptr: number;
}

/** The most that the linears of a layer have together: weights, or what `sizeOf` counts. */
export function mostOfLayer(
  { layers }: Weights,
  sizeOf: (linear: Linear) => number = ({ rows, cols }) => rows * cols,
): number {
  return Math.max(...layers.map((layer) => layerLinears(layer).reduce((sum, linear) => sum + sizeOf(linear), 0)));
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
  const mixerLinears = linearsOfMixers(store);
  const embedding = take(-1, "embedding", "embedding");
  const layers = config.moeLayers.map((moe, layer): LayerWeights => {
    return {
      normAttention: pointer("normAttention", layer),
      normMlp: pointer("normMlp", layer),
      mixer: mixerOf(config.mixers[layer], mixerLinears.get(layer) ?? {}, (kind) => pointer(kind, layer)),
      router: find(layer, "router", "router"),
      routerBias: pointer("routerBias", layer),
      experts: moe ? Array.from({ length: config.experts }, (_, expert) => mlp(layer, "expert", expert)) : [],
      shared: moe && config.sharedWidth > 0 ? mlp(layer, "shared") : undefined,
      sharedGate: find(layer, "sharedGate", "sharedGate"),
      dense: moe ? undefined : mlp(layer, "dense"),
    };
  });
  const head = find(-1, "head", "head") ?? embedding;
  const tables = ({ arena }: Machine) => new RopeTables(arena, config.rope);
  const stages = store.further.map((range) => ({ ...range, rope: tables(range.machine) }));
  const rope = tables(store.memoryOf(-1));
  return { store, stages, rope, embedding, layers, normFinal: pointer("normFinal", -1), head };
}

type NamedLinears = Readonly<Record<string, Linear>>;

/** For each layer, the linears of its mixer by projection, in the order of the forward pass. */
function linearsOfMixers({ linears }: WeightStore): ReadonlyMap<number, NamedLinears> {
  const layers = groupBy(
    linears.filter(({ role }) => role === "attention"),
    ({ layer }) => String(layer),
  );
  const named = (list: readonly Linear[]) => Object.fromEntries(list.map((linear) => [linear.projection, linear]));
  return new Map([...layers].map(([layer, list]) => [Number(layer), named(list)]));
}

function mixerOf(kind: MixerKind, linears: NamedLinears, pointer: (kind: VectorKind) => number): MixerWeights {
  // The list of linears follows from the same configuration, so that the projections of this kind are there.
  if (kind === "conv") {
    const vectors = { filter: pointer("filter"), filterBias: pointer("filterBias") };
    return { kind, linears: linears as ConvWeights["linears"], ...vectors };
  }
  const norms = { normQuery: pointer("normQuery"), normKey: pointer("normKey") };
  if (kind === "latent") return { kind, linears: linears as LatentWeights["linears"], ...norms };
  return { kind, linears: linears as AttentionWeights["linears"], ...norms, sinks: pointer("sinks") };
}

function mapValues(linears: NamedLinears, change: (linear: Linear) => Linear): NamedLinears {
  return Object.fromEntries(Object.entries(linears).map(([name, linear]) => [name, change(linear)]));
}

function placeOf({ layer, role, expert, projection }: Omit<LinearShape, "name" | "rows" | "cols">): string {
  return `${layer}/${role}/${expert}/${projection}`;
}
