/** The options of a policy, shared by `plan` and `quantize`: statistics, a budget, names. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { PlanContext } from "../../compress/plan/plan-context.ts";
import type { ModelShapes } from "../../compress/recipe/model-shapes.ts";
import type { ModelFiles } from "../../model/model.ts";
import { type Budget, parseBudget } from "../../policy/budget.ts";
import { type Policy, parsePolicy } from "../../policy/policy.ts";
import { oneOf } from "../options/common-options.ts";
import type { CommandSession } from "../session/command-session.ts";
import { addKnapsackOptions, type DamageSource, type KnapsackCommandOptions } from "./damage-input.ts";

export interface PolicyCommandOptions extends KnapsackCommandOptions {
  readonly stats?: string;
  readonly budget?: Budget;
  readonly names?: "hub" | "transformers";
}

export function addPolicyOptions(command: Command): Command {
  return addKnapsackOptions(command)
    .option("--stats <path>", "statistics for the policy, as `quern calibrate --output` writes them")
    .option(
      "--budget <bits|bytes>",
      "limit for policies knapsack and auto: average bits (3.0), or bytes of the weight file with a unit (700kB, 5.2MB)",
      parseBudget,
    )
    .option(
      "--names <hub|transformers>",
      "spelling of module names (default: the source folder's)",
      oneOf("--names", ["hub", "transformers"]),
    );
}

/** Reads the policy before any file is opened. @throws UsageError for a policy that cannot be read or does not go with the other options. */
export function readPolicy(text: string, options: PolicyCommandOptions): Policy {
  const policy = parsePolicy(text);
  const { budget, minBits, freeze, refine } = options;
  const { kind } = policy;
  if (kind !== "rules" && budget === undefined)
    throw new UsageError(`policy ${text}`, "no budget", "a budget, such as --budget 3.0 or --budget 5.2MB");
  if (kind === "rules" && budget !== undefined)
    throw new UsageError("--budget", `policy ${text}`, "policy knapsack or auto, to which this option applies");
  for (const [option, value] of Object.entries({ "--min-bits": minBits, "--freeze": freeze, "--refine": refine }))
    if (kind !== "knapsack" && value !== undefined)
      throw new UsageError(option, `policy ${text}`, "policy knapsack, to which this option applies");
  return policy;
}

/** Gathers the statistics of a policy that reads some, on calibration tokens, where no file of statistics is given. */
export function gatherOn(session: CommandSession, measureOn: DamageSource["measureOn"]): PlanContext["gather"] {
  return (
    measureOn &&
    (async () => {
      const { calibrate } = await import("../../compress/statistics/calibrate.ts");
      const { model, windows } = await measureOn();
      return calibrate(model, windows, { signal: session.signal, onProgress: session.report });
    })
  );
}

/** Everything that a plan is made from. */
export async function planContext(
  session: CommandSession,
  model: { readonly shapes: ModelShapes; readonly files?: ModelFiles },
  options: PolicyCommandOptions & { readonly groupSize: number },
): Promise<PlanContext> {
  const { readStatisticsOf } = await import("./statistics-input.ts");
  const { shapes, files } = model;
  const { stats, groupSize, names, budget } = options;
  const statistics = stats === undefined ? undefined : await readStatisticsOf(session, stats, files);
  const { seed } = session.options;
  return {
    shapes,
    files,
    statistics,
    budget,
    seed,
    groupSize,
    names,
    signal: session.signal,
    onProgress: session.report,
  };
}
