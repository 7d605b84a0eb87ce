/** How a model is quantised: a bit width for every linear, the grid, and GPTQ's options. */
import type { ModelFiles } from "../../model/model.ts";
import { meanBits } from "../../policy/bit-plan.ts";
import type { GptqOptions } from "../../quant/gptq.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { isQuantizable, type LinearShape } from "../../tensor/linear-shape.ts";

/** Bits of one linear; 16 leaves it as it is. */
export interface ModuleSetting {
  readonly bits: Bits | 16;
  /** Columns that share a scale, -1 for the whole row. */
  readonly groupSize: number;
}

/**
 * All that decides the bits of a quantised model: method, grid, what is done to Hessians, and bits and group size of
 * every module.
 */
export interface QuantizeSettings extends Omit<GptqOptions, "bits" | "groupSize" | "scaleRounding" | "name"> {
  readonly method: "gptq" | "rtn";
  /** Weighs each token of a routed expert's Hessian by the square of its routing weight. Default false. */
  readonly gateWeighted?: boolean;
  /**
   * Shrinks a Hessian toward its diagonal as if so many further tokens for each of its columns had been seen whose channels are
   * independent: a guard against too little calibration text. Default 0: none, as GPTQ was published.
   */
  readonly shrinkage?: number;
  /**
   * Part of the error in the residual stream that linears which write to it are fitted to take back, 0 to 1, where calibration
   * tokens are plenty. Default 0: none, as GPTQ was published.
   */
  readonly errorFeedback?: number;
  /** Setting of every module by name; modules that are not named stay as they are. */
  readonly modules: ReadonlyMap<string, ModuleSetting>;
}

/** The settings without those of single modules. */
export type GridSettings = Omit<QuantizeSettings, "modules">;

/** The product's defaults at 4 and 8 bits, which every reader of GPTQ files loads. */
export const DEFAULT_GRID: GridSettings = {
  method: "gptq",
  symmetric: true,
  clip: "mse",
  actOrder: "gar",
  staticGroups: false,
  deadColumns: "keep",
  dampPercent: 0.01,
};

/**
 * The defaults where some linear has 2 or 3 bits: a zero point for every group, at no more bytes, a clip search weighted by the
 * Hessian, Hessians shrunk, and error feedback. Measured on both default models and on a larger one: docs/results.md.
 */
export const LOW_BIT_GRID: GridSettings = {
  ...DEFAULT_GRID,
  symmetric: false,
  clip: "hessian",
  shrinkage: 2,
  errorFeedback: 0.7,
};

/** The defaults for a plan, as far as nothing else is wished. Plain rounding has no Hessian to weigh by. */
export function defaultGrid(
  modules: QuantizeSettings["modules"],
  wish: Partial<Pick<QuantizeSettings, "method" | "symmetric">> = {},
): GridSettings {
  const { method = "gptq" } = wish;
  const isLow = [...modules.values()].some(({ bits }) => bits < 4);
  const grid = (wish.symmetric ?? !isLow) ? DEFAULT_GRID : LOW_BIT_GRID;
  return { ...grid, method, clip: method === "rtn" ? "mse" : grid.clip };
}

/** The study's settings (arXiv 2406.08155): no clip search, no act-order. */
export const STUDY_GRID: GridSettings = { ...DEFAULT_GRID, clip: "none", actOrder: "none" };

/** Every quantisable linear of the model, in the order in which the forward pass meets them. */
export function quantizableLinears(files: ModelFiles): readonly LinearShape[] {
  return files.linears.filter(isQuantizable);
}

/** One setting for all quantisable linears. */
export function uniformModules(files: ModelFiles, bits: Bits, groupSize: number): Map<string, ModuleSetting> {
  return new Map(quantizableLinears(files).map(({ name }) => [name, { bits, groupSize }]));
}

/** Setting of a linear: 16 where none is given. */
export function settingOf(settings: QuantizeSettings, linear: LinearShape): ModuleSetting {
  return settings.modules.get(linear.name) ?? { bits: 16, groupSize: -1 };
}

/** Average bits as the study counts them: over quantisable linears, scales and zeros apart (spec: sum bits numel / sum numel). */
export function averageBits(files: ModelFiles, settings: QuantizeSettings): number {
  return meanBits(quantizableLinears(files).map((linear) => ({ ...linear, bits: settingOf(settings, linear).bits })));
}
