/** Quantises one linear of a site, by GPTQ or plain rounding, and makes its report. */

import type { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import type { Linear } from "../../model/weights/linears.ts";
import { type Factor, factorize } from "../../quant/factor.ts";
import { type GptqOptions, type GptqResult, gptq } from "../../quant/gptq.ts";
import { gridOf } from "../../quant/grid.ts";
import type { Hessian } from "../../quant/hessian.ts";
import { dampedTrace } from "../../quant/quantization-error.ts";
import type { WeightMatrix } from "../../quant/row-batches.ts";
import { rtn } from "../../quant/rtn.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { clipSearchOf, type QuantizeSettings, settingOf } from "../recipe/settings.ts";
import type { ModuleReport } from "../result/module-report.ts";

/** What quantising one linear needs. */
export interface ModuleContext {
  readonly model: Model;
  readonly settings: QuantizeSettings;
  /** Whether to report plain rounding's loss beside GPTQ's. */
  readonly rtnLoss: boolean;
  readonly turns: Turns;
}

/** The options of one linear at its own width, or at another. Errors use the linear's name in the model. */
export function optionsOf({ model, settings }: ModuleContext, linear: Linear, width?: Bits): GptqOptions {
  const { bits: ownBits, groupSize } = settingOf(settings, linear);
  const bits = width ?? (ownBits as Bits);
  const { symmetric, actOrder, staticGroups, deadColumns, dampPercent, dampIncrement } = settings;
  const clip = clipSearchOf(settings, bits, "gptq");
  const grid = { bits, groupSize, symmetric, clip, scaleRounding: "f16" } as const;
  const name = `${model.files.name}: ${linear.name}`;
  return { name, ...grid, actOrder, staticGroups, deadColumns, dampPercent, dampIncrement };
}

export interface Outcome {
  readonly result: GptqResult;
  readonly rtnLoss: number | null;
}

/** The factors of one Hessian. The factor of a group size is made when the first linear needs it. */
export class SiteFactors implements Disposable {
  readonly #context: ModuleContext;
  readonly #hessian: Hessian;
  readonly #factors: Map<number, Factor> = new Map();

  constructor(context: ModuleContext, hessian: Hessian) {
    this.#context = context;
    this.#hessian = hessian;
  }

  async take(options: GptqOptions): Promise<Factor> {
    const { model, turns } = this.#context;
    const known = this.#factors.get(options.groupSize);
    const factor = known ?? (await factorize(model.machine, this.#hessian, options, turns));
    this.#factors.set(options.groupSize, factor);
    return factor;
  }

  [Symbol.dispose](): void {
    for (const factor of this.#factors.values()) factor[Symbol.dispose]();
  }
}

/** One linear's weights [rows, cols], the Hessian of its inputs, and its options. */
export interface LinearWork extends WeightMatrix {
  readonly hessian: Hessian;
  readonly options: GptqOptions;
}

/** GPTQ with the site's factor for this group size. */
export async function runGptq(context: ModuleContext, work: LinearWork, factors: SiteFactors): Promise<Outcome> {
  const { turns, model } = context;
  const { weights, rows, cols, hessian, options } = work;
  const factor = await factors.take(options);
  const matrix = { weights, rows, cols };
  const result = await gptq(model.machine, { ...matrix, factor }, { ...options, turns });
  if (!context.rtnLoss) return { result, rtnLoss: null };
  const { diagonal } = factor;
  const rounded = await rtn(model.machine, { ...matrix, diagonal }, { ...gridOf(options), turns });
  const damped = { hessian, lambda: result.lambda, deadColumns: options.deadColumns };
  return { result, rtnLoss: 0.5 * (await dampedTrace(model.machine, weights, rounded, damped, turns)) };
}

/** Plain rounding; the report states the reason. */
export async function roundStarved(context: ModuleContext, work: LinearWork): Promise<Outcome> {
  const { turns } = context;
  const { machine } = context.model;
  const { weights, rows, cols, hessian, options } = work;
  const grid = gridOf({ ...options, clip: clipSearchOf(options, options.bits, "rtn") });
  const matrix = await rtn(machine, { weights, rows, cols }, { ...grid, turns });
  const damped = { hessian, lambda: 0, deadColumns: options.deadColumns };
  const loss = hessian.rows === 0 ? 0 : 0.5 * (await dampedTrace(machine, weights, matrix, damped, turns));
  const fallback = `${hessian.rows} calibration tokens for ${cols} columns`;
  const result = {
    matrix,
    loss,
    rowLoss: new Float64Array(rows),
    lambda: 0,
    damp: 0,
    method: "rtn",
    fallback,
  } as const;
  return { result, rtnLoss: context.rtnLoss ? loss : null };
}

/** The report of a linear that saw `tokens` input rows. */
export function reportOf(
  { name }: Linear,
  { bits, groupSize }: GptqOptions,
  { result, rtnLoss }: Outcome,
  tokens: number,
): ModuleReport {
  const { loss, method, damp, fallback } = result;
  const note = fallback === undefined ? {} : { note: fallback };
  return { name, bits, groupSize, loss, rtnLoss, tokens, method, damp, ...note };
}
