/** Allocates the run buffers, routing lists and key/value cache of a sequence or batch, once for a capacity of tokens. */
import type { CacheType, LayerCache, Places } from "../../../nn/attention.ts";
import { type Emit, type Rows, WordPool } from "../../../nn/emit.ts";
import type { Routes } from "../../../nn/mlp.ts";
import type { RopeTables } from "../../../nn/rope-tables.ts";
import { stride } from "../../../tensor/matrix.ts";
import type { Machine } from "../../../wasm/machine.ts";
import { wholeLines } from "../../../wasm/memory/arena.ts";
import type { Region } from "../../../wasm/memory/region.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import type { Stage } from "../../weights/weight-tree.ts";
import { type Alloc, allocCache, type CacheShape, inTurn, takeOf } from "./cache-buffers.ts";
import { preparedTokenBytes, tokenBuffers } from "./token-buffers.ts";
import { type PlaceAddresses, TokenPlaces, type WindowView } from "./token-places.ts";

/** Addresses of buffers for the full capacity; `rowsOf` gives the rows that T tokens use. Dispose it to free them all. */
export interface State extends PlaceAddresses, Disposable {
  /** Owns the memory of the buffers. */
  readonly memory: Region;
  /** Most tokens of one pass. */
  readonly capacity: number;
  /** Rows of the cache. */
  readonly cacheRows: number;
  /** Rows of the caches of convolutions; row r of the cache is row r % convRows of theirs. */
  readonly convRows: number;
  /** The places of tokens by layer. Layers of the same window share them. */
  readonly places: readonly Places[];
  /** Writes the tokens of the next pass to memory. */
  readonly tokens: TokenPlaces;
  /** Routing lists by layer. All layers share the same buffers, unless `keepRoutes` is set. */
  readonly routes: readonly Routes[];
  readonly ropeTable: number;
  readonly cache: readonly LayerCache[];
  readonly hidden: number;
  readonly normed: number;
  /** Queries, keys and values of attention. Convolutions write their inputs to the queries, latent attention both to the values. */
  readonly query: number;
  readonly key: number;
  readonly value: number;
  /** The latents of latent attention: of keys and values with the shared part of the keys, and of queries. */
  readonly low: number;
  readonly queryLow: number;
  readonly attended: number;
  readonly branch: number;
  readonly routerLogits: number;
  /** Outputs of the shared experts' gate, one column. */
  readonly sharedGate: number;
  /** Outputs of gate and up of the MLP that is computed, and of down of the routed experts; with `oneCache`, down is written where up was. */
  readonly gate: number;
  readonly up: number;
  readonly down: number;
  /** Outputs of up of the shared experts, which are computed while those of the routed experts' down are still needed. */
  readonly sharedUp: number;
  readonly logits: number;
  /** Address of i32 [logitRows]: 1 for each row of logits that is finite, 0 for others. */
  readonly finite: number;
  /** Number of rows of `logits`. */
  readonly logitRows: number;
  /** Whether `routes` are kept after a pass. */
  readonly keepRoutes: boolean;
  /** The states of the layers that are in further memories, one for each. */
  readonly stages: readonly State[];
  readonly prepared: Emit["prepared"];
  readonly pool: WordPool;
}

export interface StateOptions {
  readonly capacity: number;
  readonly cacheRows: number;
  /** Number of rows of logits: 1 for generation, `capacity` for scoring, 0 for none. */
  readonly logitRows: number;
  /** Positions of the RoPE table. */
  readonly positions: number;
  /**
   * Each block runs over all tokens before the next, so that all layers share one cache, which lies where the MLP's buffers do. Buffers that
   * are not needed at the same time share memory.
   */
  readonly oneCache?: boolean;
  /** Rows of the caches of convolutions: at least the tokens of a pass and those that a filter covers before them. Default: `cacheRows`. */
  readonly convRows?: number;
  /** Most segments of the cache that the tokens of a pass see, added up over the tokens. Default: one for each token. */
  readonly segmentRoom?: number;
  /** Whether the chosen experts and weights of every layer are kept after a pass, for comparison and statistics. */
  readonly keepRoutes?: boolean;
  /** Number format of keys and values. Default f32. */
  readonly cache?: CacheType;
  /** Whether only f32 activations are used, so that no buffers for rounded inputs are needed. */
  readonly exact?: boolean;
  /** Whether a matrix may have its columns in an order of their own, for which inputs are gathered. Default true. */
  readonly gathers?: boolean;
}

/** The parts of a model that a state needs. */
export interface StateModel {
  readonly machine: Machine;
  readonly config: ModelConfig;
  readonly weights: { readonly rope: RopeTables; readonly stages: readonly Stage[] };
}

/** Allocates a state in each memory of the model. @throws MemoryError if one does not fit; nothing stays allocated then. */
export function createState(model: StateModel, options: StateOptions): State {
  const { config, weights } = model;
  const { stages } = weights;
  const made: State[] = [];
  try {
    for (const { machine, rope, ...layers } of stages) {
      const own = { machine, config, weights: { rope, stages: [] } };
      made.push(stateOf(own, { ...options, logitRows: 0, layers }));
    }
    const layers = stages.length === 0 ? undefined : { first: 0, end: stages[0].first };
    return stateOf(model, { ...options, layers, stages: made });
  } catch (error) {
    for (const state of made) state[Symbol.dispose]();
    throw error;
  }
}

/** A state in one memory. */
interface OneState extends StateOptions, Pick<CacheShape, "layers"> {
  /** The states in further memories, which this one owns. */
  readonly stages?: readonly State[];
}

function stateOf({ machine, config, weights }: StateModel, options: OneState): State {
  using taken = machine.arena.region();
  const { stages = [] } = options;
  const buffers = buffersOf(takeOf(taken), config, options);
  const addresses = {
    ...buffers,
    stages,
    places: placesOfLayers(config, buffers.views),
    tokens: new TokenPlaces(machine.arena, buffers),
    pool: new WordPool(machine, taken, poolWords(config)),
  };
  // The table comes last because computing it takes time and memory: a context too long for the memory is refused before.
  const rope = weights.rope.take(options.positions);
  const memory = taken.move();
  const dispose = () => {
    for (const state of stages) state[Symbol.dispose]();
    rope[Symbol.dispose]();
    memory[Symbol.dispose]();
  };
  return { ...addresses, ropeTable: rope.ptr, memory, [Symbol.dispose]: dispose };
}

/** Bytes of the engine that a state takes, besides a table for RoPE. */
export function stateBytes(config: ModelConfig, options: StateOptions): number {
  let sum = 4 * poolWords(config);
  buffersOf((bytes) => (sum += wholeLines(bytes)), config, options);
  return sum;
}

/** Takes memory for everything that a state has. */
function buffersOf(alloc: Alloc, config: ModelConfig, options: OneState) {
  const { capacity, cacheRows, logitRows, segmentRoom = capacity, convRows = cacheRows, keepRoutes = false } = options;
  const i32 = (count: number) => alloc(count * 4);
  const buffers = tokenBuffers(config);
  const bytesOf = (name: keyof typeof buffers) => capacity * buffers[name] * 4;
  const rowsFor = (name: keyof typeof buffers) => alloc(bytesOf(name));
  const mixing = (of: Alloc) => ({
    query: of(bytesOf("query")),
    key: of(bytesOf("key")),
    value: of(bytesOf("value")),
    low: of(bytesOf("low")),
    queryLow: of(bytesOf("queryLow")),
    attended: of(bytesOf("attended")),
    cache: allocCache(of, config, { ...options, convRows }),
  });
  const mlp = (of: Alloc) => mlpBuffers(of, config, options);
  return {
    ...{ capacity, cacheRows, convRows, logitRows, keepRoutes, segmentRoom },
    ids: i32(capacity),
    views: allocViews(i32, config, capacity, segmentRoom),
    span: i32(2),
    routes: allocRoutes(i32, config, capacity * config.topK, keepRoutes),
    ...(options.oneCache === true ? inTurn(alloc, mixing, mlp) : { ...mixing(alloc), ...mlp(alloc) }),
    hidden: rowsFor("hidden"),
    normed: rowsFor("normed"),
    branch: rowsFor("branch"),
    routerLogits: rowsFor("routerLogits"),
    sharedGate: rowsFor("sharedGate"),
    logits: i32(logitRows * stride(config.vocabSize)),
    finite: i32(logitRows),
    prepared: allocPrepared(alloc, config, options),
  };
}

/** The first `rows` rows of a buffer whose row stride is that of `cols` outputs. */
export function rowsOf(ptr: number, rows: number, cols: number): Rows {
  return { ptr, ld: stride(cols), rows, cols };
}

/** A view for each window of the model. They share positions and rows. */
function allocViews(i32: Alloc, config: ModelConfig, capacity: number, segmentRoom: number): readonly WindowView[] {
  const shared = { positions: i32(capacity), rows: i32(capacity) };
  return [...new Set(config.windows)].map((window) => {
    return { window, places: { ...shared, offsets: i32(capacity + 1), segments: i32(2 * segmentRoom) } };
  });
}

function placesOfLayers({ windows }: ModelConfig, views: readonly WindowView[]): readonly Places[] {
  const byWindow = new Map(views.map(({ window, places }) => [window, places]));
  return windows.map((window) => byWindow.get(window) as Places);
}

function allocRoutes(i32: Alloc, config: ModelConfig, routed: number, kept: boolean): readonly Routes[] {
  const lists = { spans: i32(2 * config.experts), index: i32(routed), place: i32(routed) };
  const shared: Routes = { ...lists, experts: i32(routed), weights: i32(routed) };
  return config.moeLayers.map((moe) =>
    kept && moe ? { ...lists, experts: i32(routed), weights: i32(routed) } : shared,
  );
}

/** Buffers of an MLP. Once gate and up are one, up is not read again, so one pass over all tokens writes down to its memory. */
function mlpBuffers(alloc: Alloc, config: ModelConfig, { capacity, oneCache = false }: StateOptions) {
  const { gate, up, down } = tokenBuffers(config);
  const rowsFor = (count: number) => alloc(4 * capacity * count);
  const first = rowsFor(gate);
  if (!oneCache) {
    const second = rowsFor(up);
    return { gate: first, up: second, sharedUp: second, down: rowsFor(down) };
  }
  const sharedUp = rowsFor(stride(config.sharedWidth));
  const inTurns = rowsFor(Math.max(up, down));
  return { gate: first, up: inTurns, sharedUp, down: inTurns };
}

function allocPrepared(
  alloc: Alloc,
  config: ModelConfig,
  { capacity, exact = false, gathers = true }: StateOptions,
): Emit["prepared"] {
  const { records, rounded } = preparedTokenBytes(config);
  const gathered = gathers ? alloc(capacity * rounded) : 0;
  if (exact) return { records: 0, rounded: 0, gathered };
  return { records: alloc(capacity * records), rounded: alloc(capacity * rounded), gathered };
}

/** Words for the tables of all linears and the spans of a few batch sizes, with reserve for formats that split a table. */
function poolWords(config: ModelConfig): number {
  const linears = config.layers * (7 + 3 * config.experts + 8) + 2;
  return 4 * linears * 4 + 4096;
}
