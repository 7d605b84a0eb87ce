/** Runs some windows through a model once and gathers statistics from its taps. */

import type { Turns } from "../../base/turns.ts";
import { ExpertTally } from "../../eval/perplexity/expert-usage.ts";
import type { Model } from "../../model/model.ts";
import type { Tap } from "../../model/pass/record/pass.ts";
import { readRows } from "../../nn/emit.ts";
import type { Routes } from "../../nn/mlp.ts";
import { PLAIN_NEEDS } from "../windows/batch-room.ts";
import { WindowBatch, type Windows } from "../windows/window-batch.ts";
import type { DistanceMeter } from "./expert-distances.ts";
import { InputTally } from "./input-sums.ts";
import { type BlockStatistics, type ExpertPairs, type Statistics, starvedOf } from "./statistics.ts";
import type { KeepTriangles } from "./triangles.ts";

export interface GatherOptions {
  /** Where whole Hessians are kept; undefined to keep none. */
  readonly keepHessians: KeepTriangles | undefined;
  readonly distances: DistanceMeter | undefined;
  /** Called after each block. */
  readonly onBlock: (layer: number) => void;
}

/** The findings of a pass. Whoever runs the pass adds the hashes of model and tokens. */
export type Gathered = Omit<Statistics, "modelHash" | "tokenHashes" | "linears">;

export async function gatherWindows(
  model: Model,
  windows: Windows,
  turns: Turns,
  options: GatherOptions,
): Promise<Gathered> {
  const { config, machine } = model;
  using batch = new WindowBatch(model, windows, PLAIN_NEEDS);
  const { state, tokens } = batch;
  const tally = new ExpertTally(model);
  const inputs = new InputTally(model, options.keepHessians);
  const blocks: BlockStatistics[] = [];
  const pairs: ExpertPairs[] = [];
  let before: { readonly stream: Float32Array; readonly normed: Float32Array } | undefined;
  await batch.run(turns, async (tap: Tap) => {
    const { layer, site } = tap;
    if (tap.linears.length > 0) await inputs.add(tap, turns);
    if (site === "mlp") {
      const stream = { ptr: state.hidden, ld: tap.input.ld, rows: tokens, cols: config.hiddenSize };
      before = { stream: readRows(machine, stream), normed: readRows(machine, tap.input) };
    } else if (site === "experts") {
      tally.add(layer, state.routes[layer], tokens);
      pairs.push({ layer, counts: countPairs(model, state.routes[layer], tokens) });
    } else if (site === "hidden" && before !== undefined) {
      const after = readRows(machine, tap.input);
      blocks.push({ layer, ...cosines(before.stream, before.normed, after, config.hiddenSize) });
      if (config.moeLayers[layer]) await options.distances?.measure(tap, state, turns);
      options.onBlock(layer);
    }
  });
  const experts = tally.result();
  const distances = options.distances === undefined ? {} : { distances: options.distances.take() };
  const starved = starvedOf(experts, config.hiddenSize);
  return { tokens, windows: windows.length, experts, pairs, blocks, inputs: inputs.inputs, ...distances, starved };
}

/** How many tokens chose both experts, [E, E]; the diagonal counts the tokens of each expert. */
function countPairs({ machine, config }: Model, routes: Routes, tokens: number): Float64Array {
  const { experts, topK } = config;
  const counts = new Float64Array(experts * experts);
  const chosen = machine.arena.i32(routes.experts, tokens * topK);
  for (let first = 0; first < chosen.length; first += topK)
    for (let a = first; a < first + topK; a++)
      for (let b = first; b < first + topK; b++) counts[chosen[a] * experts + chosen[b]]++;
  return counts;
}

/** Means over rows of cos(before, after) and cos(normed, after - before), all [rows, width]. */
function cosines(
  before: Float32Array,
  normed: Float32Array,
  after: Float32Array,
  width: number,
): Omit<BlockStatistics, "layer"> {
  const rows = before.length / width;
  let stream = 0;
  let module = 0;
  for (let row = 0; row < rows; row++) {
    const stop = (row + 1) * width;
    let [bb, ba, aa, nn, nm, mm] = [0, 0, 0, 0, 0, 0];
    for (let at = row * width; at < stop; at++) {
      const [b, a, n] = [before[at], after[at], normed[at]];
      const m = a - b;
      bb += b * b;
      ba += b * a;
      aa += a * a;
      nn += n * n;
      nm += n * m;
      mm += m * m;
    }
    stream += bb > 0 && aa > 0 ? ba / Math.sqrt(bb * aa) : 0;
    module += nn > 0 && mm > 0 ? nm / Math.sqrt(nn * mm) : 0;
  }
  return { cosine: stream / rows, cosineModule: module / rows };
}
