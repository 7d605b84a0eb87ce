/** Options of grid and GPTQ, shared by `quantize` and `quantize-matrix`. */
import { type Command, Option } from "commander";
import { UsageError } from "../../base/errors.ts";
import { DEFAULT_GRID, type QuantizeSettings, STUDY_GRID } from "../../compress/recipe/settings.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { numberIn, oneOf } from "./common-options.ts";

export type GridSettings = Omit<QuantizeSettings, "modules">;

export interface GridCommandOptions {
  readonly bits?: Bits;
  readonly groupSize: number;
  readonly preset?: "study";
  readonly symmetric?: boolean;
  readonly asymmetric?: boolean;
  readonly actOrder?: GridSettings["actOrder"];
  readonly staticGroups?: boolean;
  readonly deadColumns?: GridSettings["deadColumns"];
  readonly gateWeighted?: boolean;
  readonly clip?: GridSettings["clip"];
  readonly damp?: number;
  readonly shrinkage?: number;
  readonly errorFeedback?: number;
  readonly method?: GridSettings["method"];
}

export const DEFAULT_BITS = 4;

export function addBitsOption(command: Command): Command {
  return command.option("--bits <2|3|4|8>", `bits of every quantised weight (default: ${DEFAULT_BITS})`, readBits);
}

/** Everything but bits, which a plan has of its own. */
export function addGridOptions(command: Command): Command {
  const { symmetric, clip, actOrder, deadColumns, dampPercent, method } = DEFAULT_GRID;
  const shown = (value: unknown) => `(default: ${JSON.stringify(value)})`;
  return command
    .option("--group-size <n|row>", "columns that share a scale; row or -1 for all of them", readGroupSize, 64)
    .addOption(
      new Option("--preset <name>", "study: symmetric, no clip search, no act-order").argParser(
        oneOf("--preset", ["study"]),
      ),
    )
    .option(
      "--symmetric",
      `scales without zero points ${shown(symmetric)}; quantize and plan: only where no linear has 2 or 3 bits`,
    )
    .option(
      "--asymmetric",
      "a zero point for every group (default of quantize and plan where some linear has 2 or 3 bits)",
    )
    .option(
      "--act-order <none|desc|gar>",
      `order in which columns are rounded ${shown(actOrder)}: as they are, by activation, by activation within groups`,
      oneOf("--act-order", ["none", "desc", "gar"]),
    )
    .option("--static-groups", "find all grids first, on the unchanged weights")
    .option(
      "--gate-weighted",
      "weigh an expert's tokens by the square of their routing weights (not of quantize-matrix)",
    )
    .option(
      "--dead-columns <keep|zero>",
      `weights of inputs that were always 0 ${shown(deadColumns)}`,
      oneOf("--dead-columns", ["keep", "zero"]),
    )
    .option(
      "--clip <none|mse|hessian>",
      `search for a smaller range by squared error or by the Hessian ${shown(clip)}; quantize and plan: hessian where asymmetric and not rtn`,
      oneOf("--clip", ["none", "mse", "hessian"]),
    )
    .option(
      "--damp <x>",
      `damping, share of the mean diagonal ${shown(dampPercent)}`,
      numberIn("--damp", { from: 0, below: 1 }),
    )
    .option(
      "--shrinkage <x>",
      "guard against few calibration tokens: Hessians as if so many more were seen for each column (default: 2 where quantize is asymmetric and --damp is not given, else 0)",
      numberIn("--shrinkage", { from: 0, below: 1e6 }),
    )
    .option(
      "--error-feedback <x>",
      "part of the residual stream's error that o and down take back (default of quantize where it is asymmetric: 0.7; not of quantize-matrix)",
      numberIn("--error-feedback", { from: 0, to: 1 }),
    )
    .option("--method <gptq|rtn>", `GPTQ or plain rounding ${shown(method)}`, oneOf("--method", ["gptq", "rtn"]));
}

/** What is wrong of a model whatever it is: the engine's groups fill whole steps of its kernels. */
export function checkModelGrid(options: GridCommandOptions): void {
  const { groupSize } = options;
  if (groupSize !== -1 && groupSize % 32 !== 0)
    throw new UsageError(
      "--group-size",
      String(groupSize),
      "a multiple of 32 that divides every linear's columns, or row",
    );
  checkGridOptions(options);
}

/** What is wrong whatever the defaults are. */
function checkGridOptions(options: GridCommandOptions): void {
  if (options.symmetric && options.asymmetric)
    throw new UsageError("--symmetric", "--asymmetric beside it", "one of the two");
}

/** Preset or the given defaults, overridden by what was given. */
export function gridSettings(options: GridCommandOptions, defaults: GridSettings = DEFAULT_GRID): GridSettings {
  checkGridOptions(options);
  const base = options.preset === "study" ? STUDY_GRID : defaults;
  return {
    method: options.method ?? base.method,
    symmetric: options.symmetric ? true : options.asymmetric ? false : base.symmetric,
    clip: options.clip ?? base.clip,
    actOrder: options.actOrder ?? base.actOrder,
    staticGroups: options.staticGroups ?? base.staticGroups,
    deadColumns: options.deadColumns ?? base.deadColumns,
    gateWeighted: options.gateWeighted ?? base.gateWeighted ?? false,
    dampPercent: options.damp ?? base.dampPercent,
    // Who sets the damping wants that and no other.
    shrinkage: options.shrinkage ?? (options.damp === undefined ? base.shrinkage : undefined) ?? 0,
    errorFeedback: options.errorFeedback ?? base.errorFeedback ?? 0,
  };
}

function readBits(text: string): Bits {
  return Number(oneOf("--bits", ["2", "3", "4", "8"])(text)) as Bits;
}

function readGroupSize(text: string): number {
  if (text === "row" || text === "-1") return -1;
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value >= 1) return value;
  throw new UsageError("--group-size", JSON.stringify(text), "a positive integer, or row");
}
