/** Policy `knapsack` on the command line: damages are read from the statistics, or measured on calibration tokens and kept there. */
import type { Command } from "commander";
import { frozenBits } from "../../compress/plan/frozen-bits.ts";
import type { KnapsackContext, KnapsackOptions } from "../../compress/plan/plan-context.ts";
import { type ModelShapes, planModulesOf } from "../../compress/recipe/model-shapes.ts";
import type { GridSettings } from "../../compress/recipe/settings.ts";
import {
  DAMAGE_SAMPLE_TOKENS,
  type Damages,
  type DamageTable,
  damagesMeasuredAs,
  measuredAs,
} from "../../compress/statistics/damage-table.ts";
import type { Statistics } from "../../compress/statistics/statistics.ts";
import type { Windows } from "../../compress/windows/window-batch.ts";
import type { Model } from "../../model/model.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { integerIn, oneOf } from "../options/common-options.ts";
import type { CommandSession } from "../session/command-session.ts";
import { claimOutputs } from "./claim-outputs.ts";

export interface KnapsackCommandOptions {
  readonly minBits?: Bits;
  /** `REGEX@BITS`. */
  readonly freeze?: readonly string[];
  readonly sampleTokens: number;
  readonly refine?: boolean;
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
    )
    .option("--refine", "let policy knapsack measure damages again under error feedback (some minutes more)");
}

/** Where damages come from. */
export interface DamageSource {
  readonly shapes: ModelShapes;
  readonly groupSize: number;
  readonly statistics: Statistics | undefined;
  /** The statistics file, in which measured damages are kept. */
  readonly path: string | undefined;
  /** The grid that the model will be quantised on. */
  readonly grid: GridSettings;
  /** Opens the float model and the tokens to measure on; undefined if no tokens were given. */
  readonly measureOn: (() => Promise<{ readonly model: Model; readonly windows: Windows }>) | undefined;
  /** Called before the plan is made. */
  readonly onDamages?: (damages: Damages, options: KnapsackOptions) => void;
}

/** What policy knapsack needs. @throws UsageError for a rule of `--freeze` that is none, or that matches nothing. */
export function commandKnapsack(
  session: CommandSession,
  options: KnapsackCommandOptions,
  source: DamageSource,
): KnapsackContext {
  const names = planModulesOf(source.shapes).map(({ name }) => name);
  const chosen = { minBits: options.minBits, frozen: frozenBits(names, options.freeze, "--freeze") };
  const damages = async () => {
    const { damages: found } = await damageTable(session, options, source);
    source.onDamages?.(found, chosen);
    return found;
  };
  const { grid, groupSize, measureOn } = source;
  const outerDamages = async () => {
    const { measureOuterDamage } = await import("../../compress/plan/outer-damage.ts");
    const { model, windows } = await (measureOn as NonNullable<typeof measureOn>)();
    const { sampleTokens } = options;
    return measureOuterDamage(model, windows, { grid, groupSize, sampleTokens, signal: session.signal });
  };
  return { ...chosen, damages, outerDamages: measureOn && outerDamages };
}

async function damageTable(
  session: CommandSession,
  { sampleTokens, refine }: KnapsackCommandOptions,
  { statistics, path, grid, groupSize, measureOn }: DamageSource,
): Promise<DamageTable> {
  const wanted = measuredAs(grid, { groupSize, sampleTokens, refine });
  const { measureDamageAs } = await import("../../compress/plan/refine/measure-damage-as.ts");
  // Measuring takes minutes, in which no other process may change the statistics file.
  const kept = statistics === undefined || statistics.damage?.measuredAs === wanted ? undefined : path;
  await using _claim = await claimOutputs({ outputs: [measureOn === undefined ? undefined : kept], inputs: [] });
  const known = statistics?.damage;
  const run = { grid, groupSize, sampleTokens, refine, known, signal: session.signal, onProgress: session.report };
  const measure =
    measureOn &&
    (async () => {
      const { model, windows } = await measureOn();
      return measureDamageAs(model, windows, run);
    });
  const table = await damagesMeasuredAs(wanted, known, measure);
  if (statistics !== undefined && kept !== undefined) await keep(kept, { ...statistics, damage: table });
  return table;
}

async function keep(path: string, statistics: Statistics): Promise<void> {
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  const { writeStatistics } = await import("../../compress/statistics/statistics-file.ts");
  await using output = await nodeOutputFile(path, { force: true });
  await writeStatistics(output, statistics);
}
