/** The configuration of a sweep: models x plans x grids x calibration draws x seeds, and what is measured of each. */
import type { PlanActivations } from "./cell-activations.ts";

export interface SweepModel {
  readonly name: string;
  readonly path: string;
}

export interface SweepCalibration {
  readonly name: string;
  readonly idsFile?: string;
  readonly text?: readonly string[];
  readonly self?: boolean;
  readonly samples?: number;
  readonly length?: number;
  readonly seed?: number;
  /** Of a file of windows, only these: [first, number]. */
  readonly windows?: readonly [number, number];
}

export interface SweepGrid {
  readonly name: string;
  readonly preset?: "study";
  readonly groupSize?: number;
  readonly symmetric?: boolean;
  readonly clip?: "none" | "mse" | "hessian";
  readonly actOrder?: "none" | "desc" | "gar";
  readonly gateWeighted?: boolean;
  readonly dampPercent?: number;
  readonly shrinkage?: number;
  readonly errorFeedback?: number;
  readonly method?: "gptq" | "rtn";
}

export interface SweepPlan {
  readonly name: string;
  readonly policy: string;
  /** Of policy knapsack: bits, or bytes with a unit. */
  readonly budget?: string;
  /** Of policy knapsack: the plan whose bytes it may spend, by its name. */
  readonly budgetOf?: string;
  readonly seeds?: readonly number[];
  /** The plan that it is compared with: random, and of as many bytes. */
  readonly control?: string;
  /** While it is measured, in place of the sweep's: `int4/token` and the like round inputs as a study does. */
  readonly activations?: PlanActivations;
}

interface TextMetric {
  readonly name: string;
  readonly text?: string;
  readonly idsFile?: string;
  readonly window?: number;
  readonly limit?: number;
}

export type SweepMetric =
  | (TextMetric & { readonly type: "kl" | "perplexity" })
  | {
      readonly name: string;
      readonly type: "tasks";
      readonly tasks: readonly string[];
      readonly data: string;
      readonly limit?: number;
    };

export interface SweepConfig {
  /** Where an editor finds the schema. */
  readonly $schema?: string;
  readonly models: readonly SweepModel[];
  readonly calibration: readonly SweepCalibration[];
  readonly grids: readonly SweepGrid[];
  readonly plans: readonly SweepPlan[];
  readonly metrics: readonly SweepMetric[];
  readonly activations?: "f32" | "int16" | "int8";
  /** Calibration tokens on which policy knapsack measures KL. */
  readonly sampleTokens?: number;
}

/** The float model is a cell of its own. */
export const FLOAT_PLAN = "float";
