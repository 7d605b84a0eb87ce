/** What a policy needs on a command line: statistics, a budget, names; shared by `plan` and `quantize`. */
import type { Command } from "commander";
import type { PlanContext } from "../compress/plan.ts";
import type { ModelShapes } from "../compress/shapes.ts";
import type { ModelFiles } from "../model/model.ts";
import { parseBudget } from "../quant/budget.ts";
import { addKnapsackOptions, type KnapsackCommandOptions } from "./knapsack.ts";
import { oneOf } from "./options.ts";
import type { Session } from "./session.ts";

export interface PolicyOptions extends KnapsackCommandOptions {
  readonly stats?: string;
  readonly budget?: string;
  readonly names?: "hub" | "transformers";
}

export function addPolicyOptions(command: Command): Command {
  return addKnapsackOptions(command)
    .option("--stats <path>", "statistics for the policy, as `quern calibrate --output` writes them")
    .option("--budget <bits|bytes>", "what policy knapsack may spend: average bits (3.0), or bytes with a unit (5.2MB)")
    .option(
      "--names <hub|transformers>",
      "spelling of module names (default: the source folder's)",
      oneOf("--names", ["hub", "transformers"]),
    );
}

/** Everything that a plan is made from. */
export async function planContext(
  session: Session,
  model: { readonly shapes: ModelShapes; readonly files?: ModelFiles },
  options: PolicyOptions & { readonly groupSize: number },
): Promise<PlanContext> {
  const { readStatisticsOf } = await import("./statistics.ts");
  const { shapes, files } = model;
  const { stats, groupSize, names } = options;
  const budget = options.budget === undefined ? undefined : parseBudget(options.budget);
  const statistics = stats === undefined ? undefined : await readStatisticsOf(session, stats, files);
  const { seed } = session.options;
  return { shapes, files, statistics, budget, seed, groupSize, names, signal: session.signal };
}
