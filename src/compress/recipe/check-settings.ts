/** Refuses invalid settings before any work, so that a misspelt method does not silently become another one. */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { ModelFiles } from "../../model/model.ts";
import { isPackable, isQuantizable } from "../../tensor/linear-shape.ts";
import { type ModelShapes, type SourceLinear, shapesOfFiles } from "./model-shapes.ts";
import { shapesUnder } from "./outer-bits.ts";
import type { GridSettings, ModuleSetting, QuantizeSettings } from "./settings.ts";

/** The settings of a grid, for bags that hold them beside others. */
export const GRID_SETTINGS: KnownOptions<GridSettings> = {
  ...{ method: true, symmetric: true, clip: true, actOrder: true, staticGroups: true, deadColumns: true },
  ...{ dampPercent: true, dampIncrement: true, gateWeighted: true, shrinkage: true, errorFeedback: true },
};

const CHOICES: readonly (readonly [keyof GridSettings, readonly unknown[]])[] = [
  ["method", ["gptq", "rtn"]],
  ["clip", ["none", "mse", "hessian", "auto"]],
  ["actOrder", ["none", "desc", "gar"]],
  ["deadColumns", ["keep", "zero"]],
  ["symmetric", [true, false]],
  ["staticGroups", [true, false]],
  ["gateWeighted", [true, false, undefined]],
];

/** Checks settings against a model, before any work. @throws UsageError naming the module whose setting does not fit it, or the invalid option. */
export function checkSettings(files: ModelFiles, settings: QuantizeSettings): void {
  checkKnownOptions<QuantizeSettings>("quantise settings", settings, { ...GRID_SETTINGS, modules: true });
  const { modules, ...grid } = settings;
  checkGridSettings(grid);
  checkModules(shapesOfFiles(files), modules);
}

/** Checks a grid before its modules are known. */
export function checkGridSettings(grid: GridSettings): void {
  checkKnownOptions<GridSettings>("quantise settings", grid, GRID_SETTINGS);
  for (const [name, choices] of CHOICES)
    if (!choices.includes(grid[name]))
      throw new UsageError(name, String(grid[name]), choices.filter((choice) => choice !== undefined).join(" or "));
  if (grid.method === "rtn" && grid.clip === "hessian")
    throw new UsageError("clip", "hessian with method rtn", "none or mse: rounding has no Hessian");
  const { dampPercent, dampIncrement = 0, shrinkage = 0, errorFeedback = 0 } = grid;
  if (!(dampPercent >= 0 && dampPercent < 1))
    throw new UsageError("dampPercent", String(dampPercent), "a number from 0 to 1, 1 excluded");
  if (!(dampIncrement >= 0)) throw new UsageError("dampIncrement", String(dampIncrement), "a number from 0");
  if (!(shrinkage >= 0 && shrinkage < Number.POSITIVE_INFINITY))
    throw new UsageError("shrinkage", String(shrinkage), "a number from 0");
  if (!(errorFeedback >= 0 && errorFeedback <= 1))
    throw new UsageError("errorFeedback", String(errorFeedback), "a number from 0 to 1");
}

/** Checks the settings of modules against a model's shapes. */
export function checkModules(shapes: ModelShapes, modules: ReadonlyMap<string, ModuleSetting>): void {
  if (Object.prototype.toString.call(modules) !== "[object Map]")
    throw new UsageError("modules", describe(modules), "a Map from names of linears to their settings");
  const linears = new Map(shapesUnder(shapes, modules).linears.map((linear) => [linear.name, linear]));
  for (const [name, setting] of modules) {
    const linear = linears.get(name);
    if (linear === undefined)
      throw new UsageError(`module ${name}`, "no such linear", `one of the linears of ${shapes.name}`);
    if (typeof setting !== "object" || setting === null)
      throw new UsageError(`module ${name}`, describe(setting), "an object with bits and groupSize");
    checkModule(shapes.name, linear, setting);
  }
}

const BITS: readonly number[] = [2, 3, 4, 8, 16];

function checkModule(model: string, linear: SourceLinear, { bits, groupSize }: ModuleSetting): void {
  const { name, role, rows, cols, dtype } = linear;
  if (!BITS.includes(bits)) throw new UsageError(`${name}: bits`, String(bits), BITS.join(", "));
  if (bits === 16) return;
  if (!isPackable(linear)) throw new UsageError(`${name}: bits`, String(bits), `16: a ${role} stays float`);
  if (dtype === "packed")
    throw new UsageError(`${model}: ${name}`, "weights that are quantised already", "a float model");
  const group = groupSize === -1 ? cols : groupSize;
  if (!Number.isInteger(group) || group < 32 || group % 32 !== 0 || cols % group !== 0)
    throw new UsageError(
      `${name}: group size`,
      String(groupSize),
      `a multiple of 32 that divides its ${cols} columns, or -1`,
    );
  // A row of packed zero points must fill whole words; vocabularies may have any size, and their last word is padded.
  const outputs = bits === 3 ? 32 : 32 / bits;
  if (rows % outputs !== 0 && isQuantizable(linear))
    throw new UsageError(
      `${name}: bits`,
      String(bits),
      `16, since its ${rows} outputs are not a multiple of ${outputs}`,
    );
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  return value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
}
