/** Settings of quantising: a bit width for every linear, the grid, and GPTQ's options. */
import type { ModelFiles } from "../../model/model.ts";
import { meanBits } from "../../policy/bit-plan.ts";
import type { GptqOptions } from "../../quant/gptq.ts";
import type { GridOptions } from "../../quant/grid.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { isQuantizable, type LinearShape } from "../../tensor/linear-shape.ts";

/** Bits and group size of one linear; 16 bits leave it as it is. */
export interface ModuleSetting {
  readonly bits: Bits | 16;
  /** Columns that share a scale, -1 for the whole row. */
  readonly groupSize: number;
}

/** Everything that decides the bits of a quantised model: method, grid, treatment of Hessians, and the setting of every module. */
export interface QuantizeSettings extends Omit<GptqOptions, "bits" | "groupSize" | "scaleRounding" | "name" | "clip"> {
  readonly method: "gptq" | "rtn";
  /** Search for a smaller range (quant/grid.ts). `auto` takes `mse` at 2 bits and `hessian` above, where there is a Hessian. */
  readonly clip: GridOptions["clip"] | "auto";
  /** Weights each token of a routed expert's Hessian by the square of its routing weight. Default false. */
  readonly gateWeighted?: boolean;
  /**
   * Shrinks a Hessian toward its diagonal, as if this many more tokens per column with independent channels had been seen. It guards
   * against too little calibration text. Default 0, as in published GPTQ.
   */
  readonly shrinkage?: number;
  /**
   * Share of the residual stream's error that the linears writing to it are fitted to take back, 0 to 1. The share falls with few
   * calibration tokens. Default 0, as in published GPTQ.
   */
  readonly errorFeedback?: number;
  /** Setting of each module by name. Modules that are not named stay as they are. */
  readonly modules: ReadonlyMap<string, ModuleSetting>;
}

/** The settings without those of individual modules. */
export type GridSettings = Omit<QuantizeSettings, "modules">;

/** Defaults at 4 and 8 bits. Every reader of GPTQ files loads the result. */
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
 * Defaults if some linear has 2 or 3 bits: a zero point for every group (at no more bytes), a clip search by each linear's width,
 * shrunk Hessians, and error feedback. Measured on both default models and on a larger one: docs/results.md.
 */
export const LOW_BIT_GRID: GridSettings = {
  ...DEFAULT_GRID,
  symmetric: false,
  clip: "auto",
  shrinkage: 2,
  errorFeedback: 0.7,
};

/** Default grid for these bits. Plain rounding has no Hessian to weight by. */
export function defaultGrid(
  modules: QuantizeSettings["modules"],
  wish: Partial<Pick<QuantizeSettings, "method" | "symmetric">> = {},
): GridSettings {
  const { method = "gptq" } = wish;
  const isLow = [...modules.values()].some(({ bits }) => bits < 4);
  const grid = (wish.symmetric ?? !isLow) ? DEFAULT_GRID : LOW_BIT_GRID;
  return { ...grid, method, clip: method === "rtn" ? "mse" : grid.clip };
}

/** The clip search of a linear of these bits, for GPTQ or for rounding, which has no Hessian to weight by. */
export function clipSearchOf(
  { clip }: Pick<QuantizeSettings, "clip">,
  bits: Bits,
  method: "gptq" | "rtn",
): GridOptions["clip"] {
  const search = clip !== "auto" ? clip : bits === 2 ? "mse" : "hessian";
  return method === "rtn" && search === "hessian" ? "mse" : search;
}

/** Settings of the study (arXiv 2406.08155): no clip search, no act-order. */
export const STUDY_GRID: GridSettings = { ...DEFAULT_GRID, clip: "none", actOrder: "none" };

/** Every quantisable linear of the model, in the order of the forward pass. */
export function quantizableLinears(files: ModelFiles): readonly LinearShape[] {
  return files.linears.filter(isQuantizable);
}

/** One setting for all quantisable linears. */
export function uniformModules(files: ModelFiles, bits: Bits, groupSize: number): Map<string, ModuleSetting> {
  return new Map(quantizableLinears(files).map(({ name }) => [name, { bits, groupSize }]));
}

/** Setting of a linear; 16 bits if it has none. */
export function settingOf(settings: QuantizeSettings, linear: LinearShape): ModuleSetting {
  return settings.modules.get(linear.name) ?? { bits: 16, groupSize: -1 };
}

/** Average bits as the study counts them: sum(bits * numel) / sum(numel) over quantisable linears, without scales and zeros. */
export function averageBits(files: ModelFiles, settings: QuantizeSettings): number {
  return meanBits(quantizableLinears(files).map((linear) => ({ ...linear, bits: settingOf(settings, linear).bits })));
}
