/** Checkpoint -> weights in the engine's memory: bytes are added up, memory grows once, each range of rows is read and laid in panels. */
import type { Turns } from "../../base/turns.ts";
import type { StoredVector } from "../../format/codecs/codec.ts";
import { locateVector } from "../../format/codecs/float-rows.ts";
import type { TensorIndex } from "../../format/tensor-index.ts";
import type { Matrix } from "../../tensor/matrix.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { type ModuleNames, normNames } from "../config/module-names.ts";
import type { StoredLinear } from "./locate.ts";
import { type Linear, type Weights, weightTree } from "./weight-tree.ts";

export interface LoadContext {
  readonly machine: Machine;
  readonly index: TensorIndex;
  readonly names: ModuleNames;
  readonly turns: Turns;
  /** Told the bytes of weights laid down so far. */
  readonly onBytes: (done: number, total: number) => void;
  /** What was odd and how it was read, a sentence each. */
  readonly warn: (sentence: string) => void;
}

export async function loadWeights(
  context: LoadContext,
  config: ModelConfig,
  stored: readonly StoredLinear[],
): Promise<Weights> {
  const { arena } = context.machine;
  const total = stored.reduce((sum, linear) => sum + linear.stored.memoryBytes, 0);
  const norms = (2 * config.layers + 1) * (config.hiddenSize * 4 + 64);
  const staging = stored.reduce((most, linear) => Math.max(most, linear.stored.stagingBytes), 0);
  arena.reserve(total + 64 * stored.length + norms + staging);
  using taken = arena.region();
  const linears: Linear[] = [];
  let done = 0;
  for (const linear of stored) {
    linears.push(await loadLinear(context, taken, linear));
    done += linear.stored.memoryBytes;
    context.onBytes(done, total);
    await context.turns.pause();
  }
  const addresses: number[] = [];
  for (const name of normNames(context.names, config.layers))
    addresses.push(await placeVector(taken, locateVector(context.index, name, config.hiddenSize)));
  return weightTree(config, linears, addresses, taken.move());
}

async function loadLinear(context: LoadContext, to: Region, { stored, ...shape }: StoredLinear): Promise<Linear> {
  const { machine, turns, warn } = context;
  const { rows, cols } = shape;
  using scratch = machine.arena.region();
  const staging = scratch.alloc(stored.stagingBytes);
  const ptr = to.alloc(stored.memoryBytes);
  const { perm } = await stored.lay({ machine, turns, staging, warn }, ptr);
  const permPtr = perm === undefined ? 0 : to.place(perm);
  const matrix: Matrix =
    stored.kind === "float"
      ? { kind: "float", dtype: stored.dtype, ptr, rows, cols }
      : { kind: "packed", bits: stored.bits, groupSize: stored.groupSize, ptr, rows, cols, permPtr };
  const bias = stored.bias === undefined ? 0 : await placeVector(to, stored.bias);
  return { ...shape, matrix, bias };
}

async function placeVector(to: Region, vector: StoredVector): Promise<number> {
  return to.place(await vector.read());
}
