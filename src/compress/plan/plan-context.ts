/** What plans are made from, and what they come to. */
import type { Spelling } from "../../model/config/module-names.ts";
import type { ModelFiles, Progress } from "../../model/model.ts";
import type { PlanBits } from "../../policy/bit-plan.ts";
import type { Budget } from "../../policy/budget.ts";
import type { PlanDocument } from "../../policy/plan-document.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { ModelShapes } from "../recipe/model-shapes.ts";
import type { Damages } from "../statistics/damage-table.ts";
import type { Statistics } from "../statistics/statistics.ts";

/**
 * What policies choose from: shapes, statistics, budget, seed. A policy that needs what is missing is a `UsageError`.
 */
export interface PlanContext {
  readonly shapes: ModelShapes;
  /** The checkpoint, where there is one: outlier scores are taken from its weights when no statistics have them. */
  readonly files?: ModelFiles;
  readonly statistics?: Statistics;
  readonly budget?: Budget;
  /** Of the policy's random parts. Default 0. */
  readonly seed?: number;
  /** Columns that share a scale, -1 for the whole row: decides bytes. */
  readonly groupSize: number;
  /** Spelling of names to write: decides bytes too. Default: the source's. */
  readonly names?: Spelling;
  /** What policy `knapsack` needs beside the budget; by default the damages in the statistics. */
  readonly knapsack?: KnapsackContext;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** Limits of the choice: the least bits of any linear, and linears whose bits are given. */
export interface KnapsackOptions {
  /** No linear gets fewer. Default 2. */
  readonly minBits?: Bits;
  /** Bits of linears that are not for sale, by name. */
  readonly frozen?: ReadonlyMap<string, PlanBits>;
}

/** The same with the damages of every linear at every width. */
export interface KnapsackContext extends KnapsackOptions {
  /** Called once the budget is known to be possible: measuring takes minutes. */
  readonly damages?: () => Promise<Damages>;
}

/** A plan with what it comes to on disk. */
export interface SizedPlan extends PlanDocument {
  /** Bytes of the weight file that `quantize` writes; floats of a bare configuration count 16 bits. */
  readonly trueBytes: number;
  readonly groupSize: number;
}
