/** How plans choose widths: strategies, menus, and which rule a knapsack has to beat. */

import { groupBy } from "../../base/group-by.ts";
import { type ModelResult, type PlanResult, paretoFront } from "./plan-means.ts";

export const KNAPSACK = "knapsack";
export const RULE = "rule";
export const UNIFORM = "uniform";
export const RANDOM = "random";

/** Files of the same budget differ by what a knapsack leaves over. */
const SAME_BUDGET = 1.001;

/** The plans of one strategy with one menu, the smallest first. */
export interface StrategyLine {
  readonly strategy: string;
  /** Undefined if the results do not state the menu. */
  readonly menu?: string;
  readonly plans: readonly PlanResult[];
}

/** The strategy as the sweep names it; otherwise it follows from the policy. */
export function strategyOf({ policy, isControl, cells: [{ strategy }] }: PlanResult): string {
  if (strategy !== null) return strategy;
  if (/\brandom-/.test(policy) || isControl) return RANDOM;
  if (policy.startsWith(KNAPSACK)) return KNAPSACK;
  return policy.startsWith("uniform:") ? UNIFORM : RULE;
}

/** The widths that a plan could choose from, as text; undefined if the results do not state them. */
export function menuOf({ cells: [{ menu }] }: PlanResult): string | undefined {
  return menu === null ? undefined : `{${menu.join(", ")}}`;
}

/**
 * A line for each strategy and menu. The line of rules has only the best ones, uniform plans among them: of each budget the one with
 * the least KL, or the Pareto front if no budgets are stated. Where two menus or more are stated, they are the question, and plans
 * without a menu, uniform and random ones have no line.
 */
export function strategyLines({ plans }: ModelResult): StrategyLine[] {
  const measured = plans.filter(({ kl }) => kl !== undefined && kl.mean > 0);
  const byMenu = hasMenus(measured);
  const isShown = (plan: PlanResult) => !byMenu || (menuOf(plan) !== undefined && !CONTROLS.includes(strategyOf(plan)));
  const groups = groupBy(measured.filter(isShown), (plan) => JSON.stringify([strategyOf(plan), menuOf(plan)]));
  const lines = [...groups.values()].map((own) => {
    const [strategy, menu] = [strategyOf(own[0]), menuOf(own[0])];
    const rules = measured.filter((plan) => isRule(plan) && menuOf(plan) === menu);
    return { strategy, menu, plans: strategy === RULE ? bestOfBudgets(rules) : own };
  });
  return lines.sort((a, b) => ORDER.indexOf(a.strategy) - ORDER.indexOf(b.strategy));
}

const CONTROLS = [RANDOM, UNIFORM];
const ORDER = [...CONTROLS, RULE, KNAPSACK];

function isRule(plan: PlanResult): boolean {
  return [RULE, UNIFORM].includes(strategyOf(plan));
}

export function hasMenus(plans: readonly PlanResult[]): boolean {
  return new Set(plans.flatMap((plan) => menuOf(plan) ?? [])).size > 1;
}

function bestOfBudgets(plans: readonly PlanResult[]): PlanResult[] {
  if (plans.some(({ cells: [{ budget }] }) => budget === null)) return paretoFront(plans, ({ kl }) => kl?.mean);
  const budgets = groupBy(plans, ({ cells: [{ budget }] }) => String(budget));
  return [...budgets.values()].map((own) => leastKl(own) as PlanResult);
}

function leastKl(plans: readonly PlanResult[]): PlanResult | undefined {
  const known = plans.filter(({ kl }) => kl !== undefined);
  return known.reduce<PlanResult | undefined>(
    (best, plan) => (best?.kl !== undefined && best.kl.mean <= (plan.kl?.mean ?? 0) ? best : plan),
    undefined,
  );
}

/**
 * The rule or uniform plan that a knapsack has to beat: that with the least KL of the same menu within the same budget (if the results
 * state none, of at most 0.1 % more bytes). Undefined for other strategies, and if there is none.
 */
export function rivalOf(plan: PlanResult, plans: readonly PlanResult[]): PlanResult | undefined {
  if (strategyOf(plan) !== KNAPSACK) return undefined;
  const [{ budget, grid }] = plan.cells;
  const isWithin = (other: PlanResult) =>
    isRule(other) &&
    other.cells[0].grid === grid &&
    menuOf(other) === menuOf(plan) &&
    (budget === null || other.cells[0].budget === null
      ? other.trueBytes <= plan.trueBytes * SAME_BUDGET
      : other.cells[0].budget <= budget);
  return leastKl(plans.filter(isWithin));
}
