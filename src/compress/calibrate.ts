/** Statistics of a model over calibration windows, with float activations: expert use, block importance, starved experts. */

import { ExpertTally, type ExpertUse } from "../eval/expert-usage.ts";
import type { OutputFile } from "../format/output.ts";
import { tensorOf, writeSafetensors } from "../format/safetensors-writer.ts";
import type { Tap } from "../model/forward.ts";
import type { Model, Progress } from "../model/model.ts";
import { readRows } from "../nn/emit.ts";
import { Turns } from "../wasm/turns.ts";
import { WindowBatch, type Windows } from "./batch.ts";
import { committed } from "./committed.ts";
import { starvedBelow } from "./starved.ts";

export interface BlockStatistics {
  readonly layer: number;
  /** Mean cosine of the residual stream before and after the block's MLP (or MoE) module: the lower, the more it changes. */
  readonly cosine: number;
  /** The same between the module's normed input and its output. */
  readonly cosineModule: number;
}

export interface Statistics {
  readonly tokens: number;
  readonly experts: readonly ExpertUse[];
  readonly blocks: readonly BlockStatistics[];
  /** Experts with fewer tokens than a quarter of their input columns. */
  readonly starved: readonly { readonly layer: number; readonly expert: number; readonly tokens: number }[];
}

export interface CalibrateRun {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export async function calibrate(model: Model, windows: Windows, run: CalibrateRun = {}): Promise<Statistics> {
  const { config } = model;
  const turns = new Turns(run.signal);
  using batch = new WindowBatch(model, windows);
  const tally = new ExpertTally(model);
  const blocks: BlockStatistics[] = [];
  let input: { before: Float32Array; normed: Float32Array } | undefined;
  await batch.run(turns, (tap: Tap) => {
    if (tap.site === "mlp") {
      const residual = { ptr: batch.state.hidden, ld: tap.input.ld, rows: batch.tokens, cols: config.hiddenSize };
      input = { before: readRows(model.machine, residual), normed: readRows(model.machine, tap.input) };
    } else if (tap.site === "experts") tally.add(tap.layer, batch.state.routes[tap.layer], batch.tokens);
    else if (tap.site === "hidden" && input !== undefined) {
      blocks.push({
        layer: tap.layer,
        ...cosines(input.before, input.normed, readRows(model.machine, tap.input), config.hiddenSize),
      });
      run.onProgress?.({ phase: "calibrate", done: tap.layer + 1, total: config.layers, unit: "blocks" });
    }
  });
  const experts = tally.result();
  const least = starvedBelow(config.hiddenSize);
  const starved = experts
    .filter(({ tokens }) => tokens < least)
    .map(({ layer, expert, tokens }) => ({ layer, expert, tokens }));
  return { tokens: batch.tokens, experts, blocks, starved };
}

/** Saves the statistics: counts, gate sums and cosines as tensors, the rest in the metadata. */
export async function writeStatistics(output: OutputFile, statistics: Statistics): Promise<void> {
  const { experts, blocks, tokens } = statistics;
  await committed(output, async () => {
    await writeSafetensors(
      output,
      [
        tensorOf(
          "experts.place",
          "I32",
          [experts.length, 2],
          Int32Array.from(experts.flatMap((e) => [e.layer, e.expert])),
        ),
        tensorOf(
          "experts.tokens",
          "F64",
          [experts.length],
          Float64Array.from(experts, (e) => e.tokens),
        ),
        tensorOf(
          "experts.gateSum",
          "F64",
          [experts.length],
          Float64Array.from(experts, (e) => e.gateSum),
        ),
        tensorOf(
          "blocks.layer",
          "I32",
          [blocks.length],
          Int32Array.from(blocks, (b) => b.layer),
        ),
        tensorOf(
          "blocks.cosine",
          "F64",
          [blocks.length],
          Float64Array.from(blocks, (b) => b.cosine),
        ),
        tensorOf(
          "blocks.cosineModule",
          "F64",
          [blocks.length],
          Float64Array.from(blocks, (b) => b.cosineModule),
        ),
      ],
      { format: "quern-statistics", version: "1", tokens: String(tokens) },
    );
  });
}

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
