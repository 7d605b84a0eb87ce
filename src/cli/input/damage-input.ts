/** Policy `knapsack` on the command line: damages are read from the statistics, or measured on calibration tokens and kept there. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { KnapsackOptions } from "../../compress/plan/knapsack-plan.ts";
import type { Knapsack } from "../../compress/plan/plan-model.ts";
import { planModulesOf } from "../../compress/recipe/model-shapes.ts";
import type { QuantizeSettings } from "../../compress/recipe/settings.ts";
import {
  DAMAGE_SAMPLE_TOKENS,
  type Damages,
  type DamageTable,
  measuredAs,
} from "../../compress/statistics/damage-table.ts";
import type { Statistics } from "../../compress/statistics/statistics.ts";
import type { Windows } from "../../compress/windows/window-batch.ts";
import type { Model } from "../../model/model.ts";
import type { PlanBits } from "../../policy/bit-plan.ts";
import { compileNamePattern } from "../../policy/name-pattern.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { integerIn, oneOf } from "../options/common-options.ts";
import type { CommandSession } from "../session/command-session.ts";
import { claimOutputs } from "./claim-outputs.ts";

export interface KnapsackCommandOptions {
  readonly minBits?: Bits;
  /** `REGEX@BITS`. */
  readonly freeze?: readonly string[];
  readonly sampleTokens: number;
}

export function addKnapsackOptions(command: Command): Command {
  return command
    .option("--min-bits <2|3|4|8>", "the fewest bits that policy knapsack may choose", (text) =>
      Number(oneOf("--min-bits", ["2", "3", "4", "8"])(text)),
    )
    .option(
      "--freeze <regex@bits...>",
      "bits of modules that policy knapsack must not choose itself, such as self_attn@4",
    )
    .option(
      "--sample-tokens <n>",
      "calibration tokens that policy knapsack measures KL on",
      integerIn("--sample-tokens", 16, 2 ** 20),
      DAMAGE_SAMPLE_TOKENS,
    );
}

/** Where damages come from. */
export interface DamageSource {
  readonly statistics: Statistics | undefined;
  /** The statistics file, in which measured damages are kept. */
  readonly path: string | undefined;
  /** The grid that the model will be quantised on. */
  readonly grid: Omit<QuantizeSettings, "modules">;
  /** Opens the float model and the tokens to measure on; undefined if no tokens were given. */
  readonly measureOn: (() => Promise<{ readonly model: Model; readonly windows: Windows }>) | undefined;
  /** Called before the plan is made. */
  readonly onDamages?: (damages: Damages, options: KnapsackOptions) => void;
}

export function commandKnapsack(
  session: CommandSession,
  options: KnapsackCommandOptions,
  source: DamageSource,
): Knapsack {
  return async (context) => {
    const { knapsackPlan } = await import("../../compress/plan/knapsack-plan.ts");
    const names = planModulesOf(context.shapes).map(({ name }) => name);
    const chosen = knapsackOptions(names, options);
    await checkBudget(context, names, chosen);
    const { damages } = await damageTable(session, options, source, context.groupSize);
    source.onDamages?.(damages, chosen);
    return knapsackPlan(context, damages, context.budget, chosen);
  };
}

/** Checks the budget before damages are measured, which takes minutes. @throws UsageError for one that no plan can meet. */
async function checkBudget(
  context: Parameters<Knapsack>[0],
  names: readonly string[],
  { minBits = 2, frozen = new Map() }: KnapsackOptions,
): Promise<void> {
  const { knapsackPlan } = await import("../../compress/plan/knapsack-plan.ts");
  const { checkModules } = await import("../../compress/recipe/check-settings.ts");
  const fewest = new Map<string, PlanBits>(names.map((name) => [name, frozen.get(name) ?? minBits]));
  const damages = new Map(names.map((name) => [name, { 2: 0, 3: 0, 4: 0, 8: 0 }]));
  knapsackPlan(context, damages, context.budget, { frozen: fewest });
  if (context.groupSize === -1) return; // whole rows fit wherever anything does
  const packed = names.filter((name) => frozen.get(name) !== 16);
  checkModules(context.shapes, new Map(packed.map((name) => [name, { bits: 8, groupSize: context.groupSize }])));
}

async function damageTable(
  session: CommandSession,
  { sampleTokens }: KnapsackCommandOptions,
  { statistics, path, grid, measureOn }: DamageSource,
  groupSize: number,
): Promise<DamageTable> {
  const wanted = measuredAs(grid, groupSize, sampleTokens);
  const known = statistics?.damage;
  if (known?.measuredAs === wanted) return known;
  if (measureOn === undefined) {
    const found = known === undefined ? "no measured damages" : `damages measured as ${known.measuredAs}`;
    throw new UsageError("policy knapsack", found, `those of ${wanted}, or calibration tokens to measure them on`);
  }
  const { measureDamage } = await import("../../compress/plan/measure-damage.ts");
  // Measuring takes minutes, in which no other process may change the statistics file.
  await using _claim = await claimOutputs({ outputs: [statistics === undefined ? undefined : path], inputs: [] });
  const { model, windows } = await measureOn();
  const run = { signal: session.signal, onProgress: session.report };
  const damages = await measureDamage(model, windows, { grid, groupSize, sampleTokens, ...run });
  const table = { measuredAs: wanted, damages };
  if (statistics !== undefined && path !== undefined) await keep(path, { ...statistics, damage: table });
  return table;
}

async function keep(path: string, statistics: Statistics): Promise<void> {
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  const { writeStatistics } = await import("../../compress/statistics/statistics-file.ts");
  await using output = await nodeOutputFile(path, { force: true });
  await writeStatistics(output, statistics);
}

/** @throws UsageError for a rule of `--freeze` that cannot be read or matches nothing. */
export function knapsackOptions(names: readonly string[], options: KnapsackCommandOptions): KnapsackOptions {
  const frozen = new Map<string, PlanBits>();
  for (const rule of options.freeze ?? []) {
    const [, pattern, bits] = /^(.+)@(2|3|4|8|16)$/.exec(rule) ?? [];
    if (pattern === undefined)
      throw new UsageError("--freeze", JSON.stringify(rule), "REGEX@BITS, such as self_attn@4");
    const matches = names.filter(compileNamePattern(pattern, "--freeze"));
    if (matches.length === 0)
      throw new UsageError("--freeze", JSON.stringify(rule), "a pattern that matches some linear");
    for (const name of matches) frozen.set(name, Number(bits) as PlanBits);
  }
  return { minBits: options.minBits, frozen };
}
