/** Quantises the linears that share one input, with one Hessian and its factors. Starved experts get the blended Hessian of starved-experts.ts. */
import type { Tap } from "../../model/pass/record/pass.ts";
import type { State } from "../../model/pass/state/pass-state.ts";
import type { Linear } from "../../model/weights/linears.ts";
import type { GptqOptions, GptqResult } from "../../quant/gptq.ts";
import { Hessian, type IndexedRows } from "../../quant/hessian.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";
import type { Correct, ErrorFeedback } from "../feedback/error-feedback.ts";
import { settingOf } from "../recipe/settings.ts";
import type { ModuleReport } from "../result/module-report.ts";
import type { StarvedExpert } from "../result/quantized.ts";
import { tapRows } from "../windows/tap-rows.ts";
import { type ModuleContext, optionsOf, reportOf, roundStarved, runGptq, SiteFactors } from "./quantize-linear.ts";
import { blendWeight, roundedBelow, starvedBelow } from "./starved-experts.ts";

export interface Sink {
  readonly starved: StarvedExpert[];
  readWeights(linear: Linear): Promise<Float32Array>;
  add(matrix: QuantizedMatrix, report: ModuleReport): void;
}

/** Widths that a linear is quantised at beside its own, from the same weights, Hessian and factor. Nothing is computed with these matrices. */
export interface Beside {
  widths(linear: Linear): readonly Bits[];
  add(matrix: QuantizedMatrix, report: ModuleReport): void;
}

/** Takes the codes of a linear that later computations use instead of its float weights. */
export type Swap = (linear: Linear, matrix: QuantizedMatrix) => void;

export interface SiteContext extends ModuleContext {
  readonly state: State;
  readonly sink: Sink;
  readonly feedback?: ErrorFeedback;
  readonly beside?: Beside;
  /** Called once all linears of the site are quantised. Without it, later computations use the float weights. */
  readonly swap?: Swap;
}

interface WeighedRows extends IndexedRows {
  /** Factor of each row, if rows have different weights. */
  readonly weights?: Float32Array;
}

/** Quantises the tap's linears. From here on the model computes with what `swap` makes of them. */
export async function quantizeSite(context: SiteContext, tap: Tap): Promise<void> {
  const linears = tap.linears.filter(
    (linear) => settingOf(context.settings, linear).bits !== 16 && linear.role !== "router",
  );
  if (linears.length === 0) return;
  if (tap.spans !== undefined) return quantizeExperts(context, linears, tap, tap.spans);
  const correct = await context.feedback?.ofDense(tap);
  swapAll(context, await quantizeTogether(context, linears, allRows(tap), undefined, correct));
}

function swapAll({ swap }: SiteContext, results: Results): void {
  for (const [linear, { matrix }] of results) swap?.(linear, matrix);
}

type Results = readonly (readonly [Linear, GptqResult])[];

/** The input rows of all tokens. */
function allRows({ input: { ptr, ld, rows } }: Tap): WeighedRows {
  return { ptr, ld, index: 0, count: rows };
}

/** Quantises each expert with the tokens that were routed to it. The Hessian of all tokens is made only if some expert needs it. */
async function quantizeExperts(
  context: SiteContext,
  linears: readonly Linear[],
  tap: Tap,
  spansPtr: number,
): Promise<void> {
  const { machine, config } = context.model;
  const spans = machine.arena.i32(spansPtr, 2 * config.experts).slice();
  const { cols } = tap.input;
  const gates = context.settings.gateWeighted === true ? gatesByRow(context, tap.layer) : undefined;
  const needsAll = tap.site === "experts" && spans.some((count, at) => at % 2 === 1 && count < starvedBelow(cols));
  using all = needsAll ? new Hessian(machine, cols) : undefined;
  if (all !== undefined) await gather(context, all, allRows(tap));
  const feedback =
    tap.site === "expertsDown" ? await context.feedback?.ofExperts(tap, gatesByRow(context, tap.layer)) : undefined;
  for (let expert = 0; expert < config.experts; expert++) {
    const own = linears.filter((linear) => linear.expert === expert);
    if (own.length === 0) continue;
    const [start, count] = [spans[2 * expert], spans[2 * expert + 1]];
    const weights = gates?.subarray(start, start + count);
    const input = { ...tapRows(tap, start, count), weights };
    if (count < starvedBelow(cols)) noteStarved(context.sink.starved, tap, expert, count);
    const done = await quantizeTogether(context, own, input, all, feedback?.correct({ start, count }));
    for (const [linear, { matrix }] of done) await feedback?.done(linear, matrix, { start, count });
    // Packed at once, codes of other experts need not be held until the last one is done.
    swapAll(context, done);
  }
}

/** Adds an input to its Hessian. */
async function gather({ model, turns }: SiteContext, hessian: Hessian, input: WeighedRows): Promise<void> {
  const { machine } = model;
  const { ptr, ld, index, count, weights } = input;
  if (count === 0) return;
  using scratch = machine.arena.region();
  const weighted = weights && { ptr: weighRows(machine, scratch, input, weights), ld, index: 0, count };
  await hessian.accumulateInTurns(weighted ?? { ptr, ld, index, count }, "f32", turns);
}

/**
 * The routing weight of each compact row. An expert's squared error counts with the square of this weight (gate-weighted Hessian, after
 * MoEQuant, arXiv 2505.03804, which uses the weight itself).
 */
function gatesByRow({ model, state }: SiteContext, layer: number): Float32Array {
  const { arena } = model.machine;
  const { weights, place } = state.routes[layer];
  const count = state.capacity * model.config.topK;
  const gates = new Float32Array(count);
  const rows = arena.i32(place, count);
  const factors = arena.f32(weights, count);
  for (let choice = 0; choice < count; choice++) gates[rows[choice]] = factors[choice];
  return gates;
}

/** A copy of the rows, each times its weight, with the same row stride. */
function weighRows(
  { arena }: Machine,
  scratch: Region,
  { ptr, ld, index, count }: WeighedRows,
  weights: Float32Array,
): number {
  const copy = scratch.alloc(count * ld * 4);
  const to = arena.f32(copy, count * ld);
  const order = index === 0 ? undefined : arena.i32(index, count);
  for (let row = 0; row < count; row++) {
    const from = arena.f32(ptr + (order === undefined ? row : order[row]) * ld * 4, ld);
    const weight = weights[row];
    for (let col = 0; col < ld; col++) to[row * ld + col] = from[col] * weight;
  }
  return copy;
}

function noteStarved(starved: StarvedExpert[], tap: Tap, expert: number, tokens: number): void {
  const known = starved.findIndex((entry) => entry.layer === tap.layer && entry.expert === expert);
  const down = tap.site === "expertsDown";
  const rounded = down && tokens < roundedBelow(tap.input.cols);
  const blended = known >= 0 || !down;
  const remedy = blended ? (rounded ? "blended, down rounded" : "blended") : rounded ? "rounded" : "few tokens";
  const entry = { layer: tap.layer, expert, tokens, remedy } as const;
  if (known >= 0) starved[known] = entry;
  else starved.push(entry);
}

/** One Hessian, one factor for each group size among the linears, one column loop per linear. */
async function quantizeTogether(
  context: SiteContext,
  linears: readonly Linear[],
  input: WeighedRows,
  all: Hessian | undefined,
  correct: Correct | undefined,
): Promise<Results> {
  const { cols, role } = linears[0];
  const starved = role === "expert" && input.count < starvedBelow(cols);
  using hessian = new Hessian(context.model.machine, cols);
  await gather(context, hessian, input);
  if (starved && all !== undefined) hessian.blend(all, blendWeight(input.count, cols));
  hessian.shrink((context.settings.shrinkage ?? 0) * cols);
  using factors = new SiteFactors(context, hessian);
  const done: [Linear, GptqResult][] = [];
  for (const linear of linears) {
    const options = optionsOf(context, linear);
    const float = await context.sink.readWeights(linear);
    const weights = correct === undefined ? float : await correct(float);
    const isRounded = starved && all === undefined && input.count < roundedBelow(cols);
    const quantizeWith = async (own: GptqOptions, to: Pick<Sink, "add">) => {
      const work = { weights, rows: linear.rows, cols, hessian, options: own };
      const outcome = isRounded ? await roundStarved(context, work) : await runGptq(context, work, factors);
      to.add(outcome.result.matrix, reportOf(linear, own, outcome, input.count));
      return outcome.result;
    };
    const { sink, beside } = context;
    for (const bits of beside?.widths(linear) ?? [])
      await quantizeWith(optionsOf(context, linear, bits), beside as Beside);
    done.push([linear, await quantizeWith(options, sink)]);
  }
  return done;
}
