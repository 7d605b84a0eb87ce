/** Loads a checkpoint into the engine's memory. The bytes are added up, the memory grows once, and each range of rows is read and packed. */
import type { Turns } from "../../base/turns.ts";
import { locateVector } from "../../format/codecs/float-rows.ts";
import type { TensorIndex } from "../../format/tensor-index.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { type ModuleNames, normNames } from "../config/module-names.ts";
import type { StoredLinear } from "./locate.ts";
import type { WeightStore } from "./weight-store.ts";
import { type Weights, weightTree } from "./weight-tree.ts";

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

/** Loads every linear and norm into the store, which the returned tree owns. If loading fails, the store is empty again. */
export async function loadWeights(
  machine: Machine,
  store: WeightStore,
  { index, config, names, linears }: WeightFiles,
  { turns, onBytes }: LoadRun,
): Promise<Weights> {
  const total = linears.reduce((sum, { stored }) => sum + stored.memoryBytes, 0);
  const norms = (2 * config.layers + 1) * (config.hiddenSize * 4 + 64);
  const staging = linears.reduce((most, { stored }) => Math.max(most, stored.stagingBytes), 0);
  try {
    machine.arena.reserve(total + 64 * linears.length + norms + staging);
    let done = 0;
    for (const [at, linear] of store.linears.entries()) {
      await store.load(linear, turns);
      done += linears[at].stored.memoryBytes;
      onBytes?.(done, total);
      await turns.pause();
    }
    return weightTree(config, store, await placeNorms(store, index, config, names));
  } catch (error) {
    store[Symbol.dispose]();
    throw error;
  }
}

/** Loads all norms and returns their addresses: two for each layer, then the final one. */
async function placeNorms(
  { memory }: WeightStore,
  index: TensorIndex,
  { layers, hiddenSize }: ModelConfig,
  names: ModuleNames,
): Promise<readonly number[]> {
  const addresses: number[] = [];
  for (const name of normNames(names, layers))
    addresses.push(memory.place(await locateVector(index, name, hiddenSize).read()));
  return addresses;
}
