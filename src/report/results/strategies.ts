/** How plans choose widths: strategies, and which rule a knapsack has to beat. */

import { groupBy } from "../../base/group-by.ts";
import { type ModelResult, type PlanResult, paretoFront } from "./plan-means.ts";

export const KNAPSACK = "knapsack";
export const RULE = "rule";
export const UNIFORM = "uniform";
export const RANDOM = "random";

/** Files of the same budget differ by what a knapsack leaves over. */
const SAME_BUDGET = 1.001;

/** The plans of one strategy, the smallest first. */
export interface StrategyLine {
  readonly strategy: string;
  readonly plans: readonly PlanResult[];
}

/** The strategy as the sweep names it; otherwise it follows from the policy. */
export function strategyOf({ policy, isControl, cells: [{ strategy }] }: PlanResult): string {
  if (strategy !== null) return strategy;
  if (/\brandom-/.test(policy) || isControl) return RANDOM;
  if (policy.startsWith(KNAPSACK)) return KNAPSACK;
  return policy.startsWith("uniform:") ? UNIFORM : RULE;
}

/** A menu of widths as text. */
export function menuName(menu: readonly number[]): string {
  return `{${menu.join(", ")}}`;
}

/** A line for each strategy. That of rules has only those on their Pareto front, uniform plans among them. */
export function strategyLines({ plans }: ModelResult): StrategyLine[] {
  const measured = plans.filter(({ kl }) => kl !== undefined && kl.mean > 0);
  const lines = [...groupBy(measured, strategyOf)].map(([strategy, own]) => ({
    strategy,
    plans: strategy === RULE ? paretoFront(measured.filter(isRule), ({ kl }) => kl?.mean) : own,
  }));
  return lines.sort((a, b) => ORDER.indexOf(a.strategy) - ORDER.indexOf(b.strategy));
}

const ORDER = [RANDOM, UNIFORM, RULE, KNAPSACK];

function isRule(plan: PlanResult): boolean {
  return [RULE, UNIFORM].includes(strategyOf(plan));
}

export function leastKl(plans: readonly PlanResult[]): PlanResult | undefined {
  const known = plans.filter(({ kl }) => kl !== undefined);
  return known.reduce<PlanResult | undefined>(
    (best, plan) => (best?.kl !== undefined && best.kl.mean <= (plan.kl?.mean ?? 0) ? best : plan),
    undefined,
  );
}

/**
 * The rule or uniform plan that a knapsack has to beat: that with the least KL of at most 0.1 % more bytes. Undefined for other strategies, if
 * there is none, and for plans that state where they compete, whose rivals are those of the design.
 */
export function rivalOf(plan: PlanResult, plans: readonly PlanResult[]): PlanResult | undefined {
  const [{ competesAt, grid }] = plan.cells;
  if (strategyOf(plan) !== KNAPSACK || competesAt.length > 0) return undefined;
  const isWithin = (other: PlanResult) =>
    isRule(other) && other.cells[0].grid === grid && other.trueBytes <= plan.trueBytes * SAME_BUDGET;
  return leastKl(plans.filter(isWithin));
}
