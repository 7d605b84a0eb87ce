/** How plans choose widths: strategies, menus, and which rule a knapsack has to beat. */

import { groupBy } from "../../base/group-by.ts";
import type { PlaceLine } from "./cell-line.ts";
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

/** The menus of widths, as text, with which a plan is compared as the plan of its strategy; none if the results do not state them. */
export function menusOf({ cells: [{ competesAt }] }: PlanResult): string[] {
  return [...new Set(competesAt.map(({ menu }) => menuName(menu)))];
}

export function menuName(menu: readonly number[]): string {
  return `{${menu.join(", ")}}`;
}

/**
 * A line for each strategy and menu. The line of rules has only the best ones, uniform plans among them: of each budget the one with
 * the least KL, or the Pareto front if no budgets are stated. Where two menus or more are stated, they are the question, and plans
 * without a menu, uniform and random ones have no line.
 */
export function strategyLines({ plans }: ModelResult): StrategyLine[] {
  const measured = plans.filter(({ kl }) => kl !== undefined && kl.mean > 0);
  const entries: readonly { readonly plan: PlanResult; readonly menu?: string }[] = hasMenus(measured)
    ? measured.flatMap((plan) =>
        CONTROLS.includes(strategyOf(plan)) ? [] : menusOf(plan).map((menu) => ({ plan, menu })),
      )
    : measured.map((plan) => ({ plan }));
  const groups = groupBy(entries, ({ plan, menu }) => JSON.stringify([strategyOf(plan), menu]));
  const lines = [...groups.values()].map((own) => {
    const [{ plan, menu }] = own;
    const strategy = strategyOf(plan);
    if (strategy !== RULE) return { strategy, menu, plans: own.map((entry) => entry.plan) };
    const isOfMenu = (other: PlanResult) => menu === undefined || menusOf(other).includes(menu);
    return {
      strategy,
      menu,
      plans: bestOfBudgets(
        measured.filter((other) => isRule(other) && isOfMenu(other)),
        menu,
      ),
    };
  });
  return lines.sort((a, b) => ORDER.indexOf(a.strategy) - ORDER.indexOf(b.strategy));
}

const CONTROLS = [RANDOM, UNIFORM];
const ORDER = [...CONTROLS, RULE, KNAPSACK];

function isRule(plan: PlanResult): boolean {
  return [RULE, UNIFORM].includes(strategyOf(plan));
}

export function hasMenus(plans: readonly PlanResult[]): boolean {
  return new Set(plans.flatMap(menusOf)).size > 1;
}

function bestOfBudgets(plans: readonly PlanResult[], menu: string | undefined): PlanResult[] {
  if (menu === undefined) return paretoFront(plans, ({ kl }) => kl?.mean);
  const entries = plans.flatMap((plan) =>
    plan.cells[0].competesAt.filter((place) => menuName(place.menu) === menu).map(({ budget }) => ({ plan, budget })),
  );
  const budgets = groupBy(entries, ({ budget }) => String(budget));
  const best = [...budgets.values()].map((own) => leastKl(own.map(({ plan }) => plan)) as PlanResult);
  return [...new Set(best)];
}

function placeKey({ menu, budget }: PlaceLine): string {
  return JSON.stringify([menu, budget]);
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
  const [{ competesAt, grid }] = plan.cells;
  const places = new Set(competesAt.map(placeKey));
  const isWithin = (other: PlanResult) =>
    isRule(other) &&
    other.cells[0].grid === grid &&
    (places.size === 0
      ? other.trueBytes <= plan.trueBytes * SAME_BUDGET
      : other.cells[0].competesAt.some((place) => places.has(placeKey(place))));
  return leastKl(plans.filter(isWithin));
}
