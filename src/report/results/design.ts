/** A designed comparison: the menus and budgets at which a sweep's plans compete, and which plan stands for a strategy at each of them. */
import type { PlaceLine } from "./cell-line.ts";
import type { ModelResult, PlanResult } from "./plan-means.ts";
import { leastKl, menuName, RANDOM, RULE, strategyOf } from "./strategies.ts";

/** A menu and a budget at which plans are compared. */
export interface DesignPlace {
  /** As text, such as "{2, 4}". */
  readonly menu: string;
  /** In average bits. */
  readonly budget: number;
}

export interface Design {
  /** The menus, those with fewer widths first. */
  readonly menus: readonly string[];
  /** Ascending. */
  readonly budgets: readonly number[];
  /** Strategies that are compared with the best rule, in the order in which the results name them. */
  readonly rivals: readonly string[];
  /** The plan of a strategy at a place: of several the one with the least KL. */
  readonly planAt: (strategy: string, place: DesignPlace) => PlanResult | undefined;
}

/** Undefined if no plan states where it competes. */
export function designOf({ plans }: ModelResult): Design | undefined {
  const competing = plans.filter(({ cells: [{ competesAt }] }) => competesAt.length > 0);
  if (competing.length === 0) return undefined;
  const places = competing.flatMap(({ cells: [{ competesAt }] }) => competesAt);
  const menus = [...new Map(places.map(({ menu }) => [menuName(menu), menu.length]))].sort(([, a], [, b]) => a - b);
  const strategies = new Set(competing.map(strategyOf));
  return {
    menus: menus.map(([menu]) => menu),
    budgets: [...new Set(places.map(({ budget }) => budget))].sort((a, b) => a - b),
    rivals: [...strategies].filter((strategy) => strategy !== RULE && strategy !== RANDOM),
    planAt: (strategy, place) =>
      leastKl(competing.filter((plan) => strategyOf(plan) === strategy && competesIn(plan, place))),
  };
}

function competesIn({ cells: [{ competesAt }] }: PlanResult, { menu, budget }: DesignPlace): boolean {
  return competesAt.some((place: PlaceLine) => menuName(place.menu) === menu && place.budget === budget);
}
