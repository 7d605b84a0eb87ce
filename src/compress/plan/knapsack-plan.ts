/** Chooses bits for every linear by measured damage: the plan with the least predicted KL within a budget of average bits or true bytes. */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { PlanBits } from "../../policy/bit-plan.ts";
import { averagePlanBits } from "../../policy/bit-plan.ts";
import type { Budget } from "../../policy/budget.ts";
import { type Choice, type KnapsackItem, knapsackCurve, solveKnapsack } from "../../policy/knapsack-solver.ts";
import type { PlanDocument } from "../../policy/plan-document.ts";
import { BITS, type Bits } from "../../tensor/linear-shape.ts";
import { type ModelShapes, planModulesOf } from "../recipe/model-shapes.ts";
import { type OuterBits, outerSettings, withOuter } from "../recipe/outer-bits.ts";
import type { Damages } from "../statistics/damage-table.ts";
import { byteTable, plannedBytesOf } from "./plan-bytes.ts";
import type { KnapsackOptions, PlanContext } from "./plan-context.ts";

/** The limits of the choice, and the budget. */
export interface KnapsackPlanOptions extends KnapsackOptions {
  readonly budget: Budget;
}

/** A plan with the sum of its damages and the lower bound for any plan within the budget, both in nats of KL per token. */
export interface KnapsackPlan extends PlanDocument {
  /** Sum of the damages, in nats of KL per token. */
  readonly predictedKl: number;
  /** Lower bound of the predicted KL of any plan within the budget, in nats per token. */
  readonly boundKl: number;
}

/** The best plan of one budget: its average bits, the bytes of its weight file, and the sum of its damages in nats of KL per token. */
export interface CurvePoint {
  readonly averageBits: number;
  readonly trueBytes: number;
  readonly predictedKl: number;
}

interface BitChoice extends Choice {
  readonly bits: PlanBits;
}

const LIMITS: KnownOptions<KnapsackOptions> = { minBits: true, menu: true, frozen: true };
const OPTIONS: KnownOptions<KnapsackPlanOptions> = { ...LIMITS, budget: true };

type Context = Pick<PlanContext, "shapes" | "groupSize" | "names"> & { readonly outer?: OuterBits };

/** @throws UsageError if even the fewest bits exceed the budget, or for a linear without damages. */
export function knapsackPlan(context: Context, damages: Damages, options: KnapsackPlanOptions): KnapsackPlan {
  checkKnownOptions<KnapsackPlanOptions>("knapsackPlan", options, OPTIONS);
  const { budget } = options;
  const items = itemsOf(context, damages, budget.kind, options);
  if (budget.kind === "bits") {
    const weights = planModulesOf(context.shapes).reduce((sum, { rows, cols }) => sum + rows * cols, 0);
    return documentOf(context.shapes, items, Math.floor(budget.averageBits * weights + 1e-6));
  }
  return withinBytes(context, items, budget.trueBytes);
}

/** The best plan of each budget, from the fewest bits to the most. One measurement of damages serves all budgets. */
export function budgetCurve(context: Context, damages: Damages, limits: KnapsackOptions = {}): readonly CurvePoint[] {
  checkKnownOptions<KnapsackOptions>("budgetCurve", limits, LIMITS);
  const items = itemsOf(context, damages, "bytes", limits);
  const points = knapsackCurve(items);
  const every = Math.max(1, Math.floor(points.length / CURVE_POINTS));
  return points
    .filter((_, index) => index % every === 0 || index === points.length - 1)
    .map(({ bytes }) => {
      const plan = documentOf(context.shapes, items, bytes);
      return { averageBits: plan.averageBits, trueBytes: trueBytes(context, plan), predictedKl: plan.predictedKl };
    });
}

const CURVE_POINTS = 40;

function itemsOf(
  { shapes, groupSize }: Context,
  damages: Damages,
  unit: Budget["kind"],
  options: KnapsackOptions,
): readonly KnapsackItem<BitChoice>[] {
  const { frozen } = options;
  const menu = allowedWidths(options);
  const table = new Map(byteTable(shapes, groupSize).modules.map(({ name, bytes }) => [name, bytes]));
  return planModulesOf(shapes).map(({ name, rows, cols }) => {
    const known = damages.get(name);
    if (known === undefined)
      throw new UsageError("damages", `nothing for ${name}`, "damages of every linear, measured on this model");
    const sizeAt = (bits: PlanBits) =>
      unit === "bits" ? rows * cols * bits : (table.get(name) as Readonly<Record<PlanBits, number>>)[bits];
    const damageAt = (bits: PlanBits) => (bits === 16 ? 0 : known[bits]);
    const fixed = frozen?.get(name);
    const widths = fixed === undefined ? menu : [fixed];
    return { name, choices: widths.map((bits) => ({ bits, bytes: sizeAt(bits), damage: damageAt(bits) })) };
  });
}

/** The widths that a linear may get, ascending. @throws UsageError if none is left. */
export function allowedWidths({ menu = BITS, minBits = 2 }: KnapsackOptions): readonly Bits[] {
  const widths = BITS.filter((bits) => menu.includes(bits) && bits >= minBits);
  if (widths.length === 0)
    throw new UsageError("policy knapsack", `no width of [${menu}] from ${minBits} bits`, "at least one width");
  return widths;
}

/** Limit of the rounds that fit the header, whose length varies with the plan by a few bytes. Each round lowers one linear by one step. */
const MAX_ROUNDS = 200;

function withinBytes(context: Context, items: readonly KnapsackItem<BitChoice>[], budget: number): KnapsackPlan {
  const { shapes, groupSize, outer } = context;
  const smallest = items.reduce((sum, { choices }) => sum + Math.min(...choices.map(({ bytes }) => bytes)), 0);
  let room = budget - byteTable(shapes, groupSize, outer).fixed;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (room < smallest) break;
    const { plan, bytes } = solve(shapes, items, room);
    if (trueBytes(context, plan) <= budget) return plan;
    // The header does not fit, so try the next smaller sum of bytes.
    room = bytes - 1;
  }
  const least = trueBytes(context, documentOf(shapes, items, smallest));
  throw new UsageError("budget", `${budget} bytes`, `at least ${least}, with the fewest bits for every linear`);
}

function documentOf(shapes: ModelShapes, items: readonly KnapsackItem<BitChoice>[], room: number): KnapsackPlan {
  return solve(shapes, items, room).plan;
}

function solve(
  shapes: ModelShapes,
  items: readonly KnapsackItem<BitChoice>[],
  room: number,
): { readonly plan: KnapsackPlan; readonly bytes: number } {
  const { picks, damage, bound, bytes } = solveKnapsack(items, room);
  const resolved = Object.fromEntries(items.map(({ name }, i) => [name, picks[i].bits]));
  const plan: KnapsackPlan = {
    base: Math.min(...picks.map(({ bits }) => bits)) as PlanBits,
    rules: [],
    resolved,
    averageBits: averagePlanBits(planModulesOf(shapes), resolved),
    policy: "knapsack",
    predictedKl: damage,
    boundKl: bound,
  };
  return { plan, bytes };
}

function trueBytes({ shapes, groupSize, names, outer = {} }: Context, { resolved }: PlanDocument): number {
  const modules = new Map(
    Object.entries(resolved).map(([name, bits]) => [name, { bits: bits as Bits | 16, groupSize }]),
  );
  return plannedBytesOf(shapes, withOuter(shapes, modules, outerSettings(outer, groupSize)), names);
}
