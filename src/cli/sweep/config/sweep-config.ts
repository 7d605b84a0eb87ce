/** The configuration of a sweep: models x plans x grids x calibration draws x seeds, and what is measured of each. */
import type { PlaceLine } from "../../../report/results/cell-line.ts";
import type { PlanActivations } from "../cell-activations.ts";

export interface SweepModel {
  readonly name: string;
  readonly path: string;
}

export interface SweepCalibration {
  readonly name: string;
  readonly idsFile?: string;
  readonly text?: readonly string[];
  readonly self?: boolean;
  /** Temperature at which the model writes its own text. Default 1. */
  readonly temperature?: number;
  readonly samples?: number;
  readonly length?: number;
  readonly seed?: number;
  /** Takes only these windows of a file of windows: [first, number]. */
  readonly windows?: readonly [number, number];
}

export interface SweepGrid {
  readonly name: string;
  readonly preset?: "study";
  readonly groupSize?: number;
  readonly symmetric?: boolean;
  readonly clip?: "none" | "mse" | "hessian" | "auto";
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
  /** Average bits, or bytes with a unit: what policy knapsack may spend, and what any other policy must not exceed. */
  readonly budget?: string;
  /** Budget of policy knapsack: the bytes of the plan of this name. */
  readonly budgetOf?: string;
  /** Whether policy knapsack refines its damages to those under error feedback. */
  readonly refine?: boolean;
  readonly seeds?: readonly number[];
  /** Name of the plan that it is compared with: a random one of as many bytes. */
  readonly control?: string;
  /** Activations while it is measured, instead of the sweep's. `int4/token` and similar ones round inputs as in a study. */
  readonly activations?: PlanActivations;
  // Labels for the report. They decide nothing, so that a cell whose labels change is not run again.
  /** How its widths are chosen; the default follows from the policy. */
  readonly strategy?: string;
  /** The kind of rule. */
  readonly family?: string;
  /** Where it is compared as the plan of its strategy. One plan may be the best rule at several budgets, and of several menus. */
  readonly competesAt?: readonly PlaceLine[];
}

interface TextMetric {
  readonly name: string;
  readonly text?: string;
  readonly idsFile?: string;
  readonly window?: number;
  /** Ids at the beginning that are left out, so that two metrics score different parts of a text. `limit` counts from there. */
  readonly skip?: number;
  readonly limit?: number;
}

export type SweepMetric =
  | (TextMetric & { readonly type: "kl"; readonly forPrediction?: boolean })
  | (TextMetric & { readonly type: "perplexity" })
  | {
      readonly name: string;
      readonly type: "tasks";
      readonly tasks: readonly string[];
      readonly data: string;
      readonly limit?: number;
    };

export interface SweepConfig {
  /** Where an editor finds the schema of this file. */
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
