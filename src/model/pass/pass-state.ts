/** Run buffers, routing lists and key/value cache of one sequence or batch, allocated once for a capacity of tokens. */
import type { LayerCache, Places } from "../../nn/attention.ts";
import { type Emit, type Rows, WordPool } from "../../nn/emit.ts";
import { preparedBytes } from "../../nn/linear.ts";
import type { Routes } from "../../nn/mlp.ts";
import { ropeTable } from "../../nn/rope-table.ts";
import { stride } from "../../tensor/matrix.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";
import type { ModelConfig } from "../config/model-config.ts";

/** Addresses, each for the full capacity; `rowsOf` makes the view that T tokens use. Dispose it to free them all. */
export interface State extends Disposable {
  /** Owns what lies at the addresses. */
  readonly memory: Region;
  /** Most tokens of one pass. */
  readonly capacity: number;
  /** Rows of the cache. */
  readonly cacheRows: number;
  readonly ids: number;
  readonly places: Places;
  /** Segments that `places` has room for. */
  readonly segmentRoom: number;
  /** `{ 0, tokens }` of the pass: what linears that read every token compute. */
  readonly span: number;
  /** By layer; one set of buffers serves all of them unless `keepRoutes` asked for each layer's own choices. */
  readonly routes: readonly Routes[];
  readonly ropeTable: number;
  readonly cache: readonly LayerCache[];
  readonly hidden: number;
  readonly normed: number;
  readonly query: number;
  readonly key: number;
  readonly value: number;
  readonly attended: number;
  readonly branch: number;
  readonly routerLogits: number;
  /** Gate and up outputs of whichever MLP is running, and the down outputs of routed experts. */
  readonly gate: number;
  readonly up: number;
  readonly down: number;
  readonly logits: number;
  /** Rows that `logits` holds. */
  readonly logitRows: number;
  readonly prepared: Emit["prepared"];
  readonly pool: WordPool;
}

export interface StateOptions {
  readonly capacity: number;
  readonly cacheRows: number;
  /** Rows of logits to hold: 1 for generation, `capacity` for scoring, 0 for none. */
  readonly logitRows: number;
  /** Positions that RoPE may be asked for. */
  readonly positions: number;
  /** Blocks run one after the other over all tokens, so that one layer's cache serves them all. */
  readonly oneCache?: boolean;
  /** Segments of the cache that all tokens of a pass see together. Default: one each. */
  readonly segmentRoom?: number;
  /** Keeps every layer's chosen experts and weights after a pass, for comparison and statistics. */
  readonly keepRoutes?: boolean;
  /** Only f32 activations: no room for rounded inputs. */
  readonly exact?: boolean;
}

/** @throws MemoryError where it does not fit; nothing is allocated then. */
export function createState(machine: Machine, config: ModelConfig, options: StateOptions): State {
  const { arena } = machine;
  using taken = arena.region();
  const { capacity, cacheRows, logitRows, segmentRoom = capacity } = options;
  const f32 = (rows: number, cols: number) => taken.alloc(rows * stride(cols) * 4);
  const i32 = (count: number) => taken.alloc(count * 4);
  const kvWidth = config.kvHeads * config.headDim;
  const routed = capacity * config.topK;
  const mlpCells = Math.max(
    routed * stride(config.expertWidth),
    capacity * stride(config.sharedWidth),
    capacity * stride(config.denseWidth),
  );
  const tableLength = options.positions * config.headDim;
  const tablePtr = i32(tableLength);
  const addresses = {
    capacity,
    cacheRows,
    logitRows,
    ids: i32(capacity),
    places: {
      positions: i32(capacity),
      rows: i32(capacity),
      offsets: i32(capacity + 1),
      segments: i32(2 * segmentRoom),
    },
    segmentRoom,
    span: i32(2),
    routes: allocRoutes(taken, config, routed, options.keepRoutes === true),
    ropeTable: tablePtr,
    cache: allocCache(taken, config.layers, cacheRows * kvWidth * 4, options.oneCache === true),
    hidden: f32(capacity, config.hiddenSize),
    normed: f32(capacity, config.hiddenSize),
    query: f32(capacity, config.heads * config.headDim),
    key: f32(capacity, kvWidth),
    value: f32(capacity, kvWidth),
    attended: f32(capacity, config.heads * config.headDim),
    branch: f32(capacity, config.hiddenSize),
    routerLogits: f32(capacity, config.experts),
    gate: i32(mlpCells),
    up: i32(mlpCells),
    down: f32(routed, config.hiddenSize),
    logits: f32(logitRows, config.vocabSize),
    prepared: allocPrepared(taken, config, capacity, options.exact === true),
    pool: new WordPool(machine, taken, poolWords(config)),
  };
  // Last, since it takes time and room of its own: a context too long for the memory is refused before.
  const { positions } = options;
  const table = ropeTable({
    positions,
    rotaryDim: config.headDim,
    theta: config.ropeTheta,
    scaling: scalingOf(config),
  });
  arena.f32(tablePtr, tableLength).set(table);
  const memory = taken.move();
  return { ...addresses, memory, [Symbol.dispose]: () => memory[Symbol.dispose]() };
}

/** A view of `rows` rows of a buffer whose row stride is that of `cols` outputs. */
export function rowsOf(ptr: number, rows: number, cols: number): Rows {
  return { ptr, ld: stride(cols), rows, cols };
}

/** Cache rows [first, first + count). */
export interface Segment {
  readonly first: number;
  readonly count: number;
}

/** A token of a pass and where it stands. */
export interface TokenPlace {
  readonly id: number;
  /** Position in its sequence, for RoPE. */
  readonly position: number;
  /** Cache row of its own key and value. */
  readonly row: number;
  /** Cache rows of its sequence from its start to the token itself, in the order of positions. */
  readonly path: readonly Segment[];
}

/** Lays down the tokens of the next pass. A token sees its path, or the sliding window's part of it. */
export function placeTokens(
  machine: Machine,
  config: ModelConfig,
  state: State,
  tokens: number,
  placeOf: (token: number) => TokenPlace,
): void {
  const { arena } = machine;
  const window = config.slidingWindow ?? Number.POSITIVE_INFINITY;
  const ids = arena.i32(state.ids, tokens);
  const positions = arena.i32(state.places.positions, tokens);
  const rows = arena.i32(state.places.rows, tokens);
  const offsets = arena.i32(state.places.offsets, tokens + 1);
  const segments = arena.i32(state.places.segments, 2 * state.segmentRoom);
  arena.i32(state.span, 2).set([0, tokens]);
  let used = 0;
  for (let token = 0; token < tokens; token++) {
    const { id, position, row, path } = placeOf(token);
    ids[token] = id;
    positions[token] = position;
    rows[token] = row;
    offsets[token] = used;
    let hidden = Math.max(0, position + 1 - window);
    for (const { first, count } of path) {
      const skipped = Math.min(hidden, count);
      hidden -= skipped;
      if (skipped === count) continue;
      if (used === state.segmentRoom) throw new RangeError(`places of ${state.segmentRoom} segments are full`);
      segments[2 * used] = first + skipped;
      segments[2 * used + 1] = count - skipped;
      used++;
    }
  }
  offsets[tokens] = used;
}

function scalingOf(config: ModelConfig): { type: "linear"; factor: number } | undefined {
  return config.ropeFactor === 1 ? undefined : { type: "linear", factor: config.ropeFactor };
}

function allocRoutes(memory: Region, config: ModelConfig, routed: number, kept: boolean): readonly Routes[] {
  const i32 = (count: number) => memory.alloc(count * 4);
  const lists = { spans: i32(2 * config.experts), index: i32(routed), place: i32(routed) };
  const shared: Routes = { ...lists, experts: i32(routed), weights: i32(routed) };
  return config.moeLayers.map((moe) =>
    kept && moe ? { ...lists, experts: i32(routed), weights: i32(routed) } : shared,
  );
}

function allocCache(memory: Region, layers: number, bytes: number, shared: boolean): readonly LayerCache[] {
  const alloc = (): LayerCache => ({ keys: memory.alloc(bytes), values: memory.alloc(bytes) });
  if (!shared) return Array.from({ length: layers }, alloc);
  return Array<LayerCache>(layers).fill(alloc());
}

function allocPrepared(memory: Region, config: ModelConfig, capacity: number, exact: boolean): Emit["prepared"] {
  const inputs = [
    preparedBytes(
      capacity,
      Math.max(config.hiddenSize, config.heads * config.headDim, config.sharedWidth, config.denseWidth),
    ),
    preparedBytes(capacity * config.topK, config.expertWidth),
  ];
  const records = Math.max(...inputs.map((input) => input.records));
  const floats = Math.max(...inputs.map((input) => input.rounded));
  const gathered = memory.alloc(floats);
  if (exact) return { records: 0, rounded: 0, gathered };
  return { records: memory.alloc(records), rounded: memory.alloc(floats), gathered };
}

/** Tables of all linears and spans for a few batch sizes, with room for formats that split a table. */
function poolWords(config: ModelConfig): number {
  const linears = config.layers * (7 + 3 * config.experts + 3) + 2;
  return 4 * linears * 4 + 4096;
}
