/** The options of a policy, shared by `plan` and `quantize`: statistics, a budget, names. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { PlanContext, SizedPlan } from "../../compress/plan/plan-context.ts";
import type { ModelShapes } from "../../compress/recipe/model-shapes.ts";
import type { ModelFiles } from "../../model/model.ts";
import { type Budget, parseBudget } from "../../policy/budget.ts";
import { type Policy, parsePolicy } from "../../policy/policy.ts";
import { oneOf } from "../options/common-options.ts";
import { type GridCommandOptions, gridWish } from "../options/gptq-options.ts";
import type { MemoryOption } from "../options/memory-option.ts";
import { type OuterCommandOptions, outerBits } from "../options/outer-options.ts";
import type { CommandSession } from "../session/command-session.ts";
import type { CalibrationOptions } from "./calibration-input.ts";
import { addKnapsackOptions, commandKnapsack, type DamageSource, type KnapsackCommandOptions } from "./damage-input.ts";

export interface PolicyCommandOptions extends KnapsackCommandOptions {
  readonly stats?: string;
  readonly budget?: Budget;
  readonly names?: "hub" | "transformers";
}

/** What `plan` and `quantize` both take. */
export interface PlannedOptions
  extends GridCommandOptions,
    CalibrationOptions,
    PolicyCommandOptions,
    OuterCommandOptions,
    MemoryOption {}

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

/** What the plan of a policy is made from. */
interface PlanSource extends Pick<DamageSource, "measureOn" | "onDamages"> {
  readonly policy: Policy;
  readonly context: PlanContext;
}

/** The plan of a policy. Statistics that it reads are gathered on calibration tokens, where no file of statistics is given. */
export async function decidedPlan(
  session: CommandSession,
  options: PlannedOptions,
  { policy, context, measureOn, onDamages }: PlanSource,
): Promise<SizedPlan> {
  const { planFor } = await import("../../compress/plan/plan-model.ts");
  const { LOW_BIT_GRID } = await import("../../compress/recipe/settings.ts");
  const { gridOver } = await import("../../compress/recipe/choose-grid.ts");
  const { signal, report: onProgress } = session;
  const gather =
    measureOn &&
    (async () => {
      const { calibrate } = await import("../../compress/statistics/calibrate.ts");
      const { model, windows } = await measureOn();
      return calibrate(model, windows, { signal, onProgress });
    });
  const { shapes, groupSize, statistics } = context;
  const grid = gridOver(LOW_BIT_GRID, gridWish(options));
  const damages = { shapes, groupSize, statistics, path: options.stats, grid, measureOn, onDamages };
  const knapsack = commandKnapsack(session, options, damages);
  return planFor(policy, { ...context, outer: outerBits(options), gather, knapsack });
}
