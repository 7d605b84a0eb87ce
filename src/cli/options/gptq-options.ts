/** Options of grid and GPTQ, shared by `quantize` and `quantize-matrix`. */
import { type Command, Option } from "commander";
import { UsageError } from "../../base/errors.ts";

import { DEFAULTS, type GridWish } from "../../compress/recipe/choose-grid.ts";
import { DEFAULT_GRID, type GridSettings } from "../../compress/recipe/settings.ts";

import type { Bits } from "../../tensor/linear-shape.ts";
import { numberIn, oneOf } from "./common-options.ts";

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

export function addBitsOption(command: Command): Command {
  return command.option("--bits <2|3|4|8>", `bits of every quantised weight (default: ${DEFAULTS.bits})`, readBits);
}

/** Adds the options of the grid and of GPTQ, except bits, which a plan sets. */
export function addGridOptions(command: Command): Command {
  return addRoundingOptions(addScaleOptions(command));
}

const shown = (value: unknown) => `(default: ${JSON.stringify(value)})`;

/** Which weights share a scale, and in which order they are rounded. */
function addScaleOptions(command: Command): Command {
  const { symmetric, actOrder } = DEFAULT_GRID;
  return command
    .option(
      "--group-size <n|row>",
      "columns that share a scale; row or -1 for all of them",
      readGroupSize,
      DEFAULTS.groupSize,
    )
    .addOption(
      new Option("--preset <name>", "study: symmetric, no clip search, no act-order").argParser(
        oneOf("--preset", ["study"]),
      ),
    )
    .option(
      "--symmetric",
      `use scales without zero points ${shown(symmetric)}; for quantize and plan the default if no linear has 2 or 3 bits`,
    )
    .option(
      "--asymmetric",
      "use a zero point for every group; for quantize and plan the default if some linear has 2 or 3 bits",
    )
    .option(
      "--act-order <none|desc|gar>",
      `order in which columns are rounded ${shown(actOrder)}: none as they are, desc by activation, gar by activation within groups`,
      oneOf("--act-order", ["none", "desc", "gar"]),
    )
    .option("--static-groups", "compute the scales of all groups first, from the unchanged weights");
}

/** How scales are searched for and weights are rounded. */
function addRoundingOptions(command: Command): Command {
  const { clip, deadColumns, dampPercent, method } = DEFAULT_GRID;
  return command
    .option(
      "--gate-weighted",
      "weigh an expert's tokens by the square of their routing weights (not for quantize-matrix)",
    )
    .option(
      "--dead-columns <keep|zero>",
      `weights of inputs that were always 0 ${shown(deadColumns)}`,
      oneOf("--dead-columns", ["keep", "zero"]),
    )
    .option(
      "--clip <none|mse|hessian|auto>",
      `search for a smaller range by squared error (mse), by the Hessian, or by mse at 2 bits and the Hessian above (auto) ${shown(clip)}; for quantize and plan the default is auto if asymmetric and not rtn`,
      oneOf("--clip", ["none", "mse", "hessian", "auto"]),
    )
    .option(
      "--damp <x>",
      `damping of the Hessian, as a share of its mean diagonal ${shown(dampPercent)}`,
      numberIn("--damp", { from: 0, below: 1 }),
    )
    .option(
      "--shrinkage <x>",
      "guard against few calibration tokens: Hessians are shrunk as if this many more tokens for each column had been seen (default: 2 for asymmetric quantize without --damp, else 0)",
      numberIn("--shrinkage", { from: 0, below: 1e6 }),
    )
    .option(
      "--error-feedback <x>",
      "share of the residual stream's error that o and down correct (default: 0.7 for asymmetric quantize, else 0; not for quantize-matrix)",
      numberIn("--error-feedback", { from: 0, to: 1 }),
    )
    .option("--method <gptq|rtn>", `GPTQ or plain rounding ${shown(method)}`, oneOf("--method", ["gptq", "rtn"]));
}

/** Checks options that are wrong for any model: groups must fill whole steps of the kernels. */
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

/** Checks options that are wrong whatever the defaults are. */
function checkGridOptions(options: GridCommandOptions): void {
  if (options.symmetric && options.asymmetric)
    throw new UsageError("--symmetric", "--asymmetric beside it", "one of the two");
}

/** What the options ask of a grid. */
export function gridWish(options: GridCommandOptions): GridWish {
  checkGridOptions(options);
  const { preset, method, clip, actOrder, staticGroups, deadColumns, gateWeighted, shrinkage, errorFeedback } = options;
  const symmetric = options.symmetric ? true : options.asymmetric ? false : undefined;
  const dampPercent = options.damp;
  return {
    ...{ preset, method, symmetric, clip, actOrder, staticGroups, deadColumns, gateWeighted, dampPercent },
    ...{ shrinkage, errorFeedback },
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
