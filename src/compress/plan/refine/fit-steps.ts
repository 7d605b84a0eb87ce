/**
 * Estimates the change of KL of each step around a plan from what was measured.
 *
 * A single step changes KL by a few ten thousandths of a nat, and a thousand tokens leave noise of the same size in it. A knapsack that
 * picks the best of several hundred such numbers picks noise. So each estimate is the mean of two: the measured change, and the change
 * that the damages known before would have, times a factor of its group (the steps up, or down, of one projection in one layer). A
 * group's factor is measured on all of its steps, and drawn towards that of the same projection in all layers.
 */
import { groupBy } from "../../../base/group-by.ts";
import type { PlanModule } from "../../../policy/bit-plan.ts";
import type { Damages } from "../../statistics/damage-table.ts";
import type { PlanStep } from "./measure-steps.ts";
import type { LinearBits } from "./quantize-along.ts";

export interface StepPrior {
  readonly modules: readonly PlanModule[];
  readonly plan: LinearBits;
  /** Damages known before, in nats of KL per token. */
  readonly damages: Damages;
}

/** A step with the change that the damages expect, and its groups. */
interface Expected {
  readonly step: PlanStep;
  readonly expected: number;
  readonly kind: string;
  readonly group: string;
}

/** The same steps with estimates instead of measured changes, in the same order. */
export function fitSteps(steps: readonly PlanStep[], prior: StepPrior): readonly PlanStep[] {
  const entries = expectedOf(steps, prior);
  const kinds = groupBy(entries, ({ kind }) => kind);
  const groups = groupBy(entries, ({ group }) => group);
  const factors = new Map<string, number>();
  for (const members of kinds.values()) {
    const wide = factorOf(members, 0, 0);
    const names = new Set(members.map(({ group }) => group));
    const pull = total(members, ({ expected }) => expected) / names.size;
    for (const name of names) factors.set(name, factorOf(groups.get(name) ?? [], pull, wide));
  }
  return entries.map(({ step, expected, group }) => ({
    ...step,
    change: (step.change + (factors.get(group) ?? 0) * expected) / 2,
  }));
}

function expectedOf(steps: readonly PlanStep[], { modules, plan, damages }: StepPrior): readonly Expected[] {
  const known = new Map(modules.map((module) => [module.name, module]));
  return steps.map((step) => {
    const { name, bits } = step;
    const { layer, role, projection } = known.get(name) as PlanModule;
    const kind = `${role}/${projection}/${bits > plan[name] ? "up" : "down"}`;
    const damageAt = (width: typeof bits) => (width === 16 ? 0 : (damages.get(name)?.[width] ?? 0));
    return { step, kind, group: `${kind}/${layer}`, expected: damageAt(bits) - damageAt(plan[name]) };
  });
}

/** Measured change per expected change, as if `pull` of expected change had been measured with factor `towards`. */
function factorOf(entries: readonly Expected[], pull: number, towards: number): number {
  const expected = total(entries, (entry) => entry.expected) + pull;
  const measured = total(entries, ({ step }) => step.change) + pull * towards;
  return expected === 0 ? 0 : measured / expected;
}

function total(entries: readonly Expected[], of: (entry: Expected) => number): number {
  return entries.reduce((sum, entry) => sum + of(entry), 0);
}
