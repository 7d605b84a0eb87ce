/** Inputs of planning, and the plans that result. */
import type { Spelling } from "../../model/config/module-names.ts";
import type { ModelFiles, Progress } from "../../model/model.ts";
import type { PlanBits } from "../../policy/bit-plan.ts";
import type { Budget } from "../../policy/budget.ts";
import type { PlanDocument } from "../../policy/plan-document.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { ModelShapes } from "../recipe/model-shapes.ts";
import type { Damages } from "../statistics/damage-table.ts";
import type { Statistics } from "../statistics/statistics.ts";
import type { OuterDamages, OuterWish } from "./outer-choice.ts";

/** Inputs of a policy: shapes, statistics, budget, seed. A missing input that the policy needs is a `UsageError`. */
export interface PlanContext {
  readonly shapes: ModelShapes;
  /** The checkpoint, if there is one. Outlier scores are computed from its weights if no statistics have them. */
  readonly files?: ModelFiles;
  readonly statistics?: Statistics;
  /** Gathers statistics, in a pass over calibration tokens. Called for a policy that reads some, if none are given. */
  readonly gather?: () => Promise<Statistics>;
  readonly budget?: Budget;
  /** Seed of the policy's random parts. Default 0. */
  readonly seed?: number;
  /** Columns that share a scale, -1 for the whole row. Affects the size in bytes. */
  readonly groupSize: number;
  /** Spelling of the names to write. Affects the size in bytes. Default: the source's. */
  readonly names?: Spelling;
  /** Bits of embedding and head, whatever the policy says. `auto` leaves them to policy `knapsack`. */
  readonly outer?: OuterWish;
  /** Further inputs of policy `knapsack`. By default it uses the damages in the statistics. */
  readonly knapsack?: KnapsackContext;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** Limits of the choice: the widths it may give, the fewest bits of any linear, and linears whose bits are fixed. */
export interface KnapsackOptions {
  /** No linear gets fewer bits. Default 2. */
  readonly minBits?: Bits;
  /** Widths that a linear may get, unless it is fixed. Default 2, 3, 4 and 8. */
  readonly menu?: readonly Bits[];
  /** Fixed bits by linear name. The knapsack does not change them. */
  readonly frozen?: ReadonlyMap<string, PlanBits>;
}

/** The same with a way to measure the damage of every linear at every width. */
export interface KnapsackContext extends KnapsackOptions {
  /** Measures the damages, which takes minutes. Called once the budget is known to be possible. */
  readonly damages?: () => Promise<Damages>;
  /** Measures the damage of fewer bits of head and embedding. Required if one of them is `auto`. */
  readonly outerDamages?: () => Promise<OuterDamages>;
}

/** A plan with its size on disk. */
export interface SizedPlan extends PlanDocument {
  /** Bytes of the weight file that `quantize` writes. For a bare configuration, floats count as 16 bits. */
  readonly trueBytes: number;
  readonly groupSize: number;
  /** Sum of the damages that policy knapsack expects, in nats of KL per token. Other policies have none. */
  readonly predictedKl?: number;
}
