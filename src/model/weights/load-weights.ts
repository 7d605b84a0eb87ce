/** Loads a checkpoint into the engine's memory. The bytes are added up, the memory grows once, and each range of rows is read and packed. */
import type { Turns } from "../../base/turns.ts";
import { locateVector } from "../../format/codecs/float-rows.ts";
import { ReadAhead } from "../../format/read-ahead.ts";
import type { TensorIndex } from "../../format/tensor-index.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type { ModuleNames } from "../config/module-names.ts";
import type { StoredLinear } from "./locate.ts";
import { modelVectors, type VectorShape } from "./vectors.ts";
import type { WeightStore } from "./weight-store.ts";
import { type PlacedVector, type Weights, weightTree } from "./weight-tree.ts";

/** A model's weights on disk. */
export interface WeightFiles {
  readonly index: TensorIndex;
  readonly config: ModelConfig;
  readonly names: ModuleNames;
  readonly linears: readonly StoredLinear[];
}

export interface LoadRun {
  readonly turns: Turns;
  /** Called with the bytes of weights loaded so far. */
  readonly onBytes?: (done: number, total: number) => void;
}

/** Loads the linears that the store keeps, and all vectors, into the store, which the returned tree owns. If loading fails, the store is empty again. */
export async function loadWeights(
  machine: Machine,
  store: WeightStore,
  { index, config, names, linears }: WeightFiles,
  { turns, onBytes }: LoadRun,
): Promise<Weights> {
  const kept = store.linears.flatMap((linear, at) =>
    store.isKept(linear) ? [{ linear, stored: linears[at].stored }] : [],
  );
  const total = kept.reduce((sum, { stored }) => sum + stored.memoryBytes, 0);
  const vectors = modelVectors(names, config);
  const staging = kept.reduce((most, { stored }) => Math.max(most, stored.stagingBytes), 0);
  const ahead = new ReadAhead(kept.map(({ stored }) => stored.reads()));
  try {
    const room = new Map([[machine, staging], ...store.further.map((range) => [range.machine, staging] as const)]);
    const take = (layer: number, bytes: number) => {
      const own = store.memoryOf(layer);
      room.set(own, (room.get(own) as number) + bytes + 64);
    };
    for (const { linear, stored } of kept) take(linear.layer, stored.memoryBytes);
    for (const { layer, length } of vectors) take(layer, length * 4);
    for (const [{ arena }, bytes] of room) arena.reserve(bytes);
    let done = 0;
    const told = async (bytes: number) => {
      done += bytes;
      onBytes?.(done, total);
      await turns.pause();
    };
    await store.loadRuns(
      kept.map(({ linear }) => linear),
      turns,
      told,
    );
    for (const [at, { linear, stored }] of kept.entries()) {
      if (stored.lying !== undefined) continue;
      await store.load(linear, turns, ahead.readerOf(at));
      await told(stored.memoryBytes);
    }
    const placed: PlacedVector[] = [];
    for (const vector of vectors) {
      placed.push({ ...vector, ptr: store.regionOf(vector.layer).place(await readVector(index, vector)) });
    }
    return weightTree(config, store, placed);
  } catch (error) {
    store[Symbol.dispose]();
    throw error;
  } finally {
    await ahead.end();
  }
}

async function readVector(
  index: TensorIndex,
  { tensor, length, shapes, perColumn = 1 }: VectorShape,
): Promise<Float32Array> {
  const values = await locateVector(index, tensor, length, shapes).read();
  if (perColumn === 1) return values;
  const columns = length / perColumn;
  return values.map((_, at) => values[(at % columns) * perColumn + Math.floor(at / columns)]);
}
