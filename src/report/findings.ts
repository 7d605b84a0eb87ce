/** What the results say, in sentences: each with its figure, and with how certain it is. */

import { furtherDesignFindings, rivalFindings } from "./design-findings.ts";
import { digits, klDecimals, lessBy, plural, probability, signed, span } from "./draw/number-format.ts";
import type { Finding } from "./finding.ts";
import type { Comparisons, Difference, Differences, PlanDifferences } from "./results/differences.ts";
import { type ModelResult, mean, type PlanResult } from "./results/plan-means.ts";
import { KNAPSACK, strategyOf } from "./results/strategies.ts";

interface Compared {
  readonly plan: PlanResult;
  readonly found: Difference;
}

/** Findings in their order: on knapsacks first, then on rules, then on tasks. */
export interface Findings {
  /** What a reader looks for first. */
  readonly main: readonly Finding[];
  /** The others where a designed comparison has many; otherwise all are among the main ones. */
  readonly further: readonly Finding[];
}

export function findingsOf(models: readonly ModelResult[], { differences, claims, certainty }: Comparisons): Findings {
  const of = (plans: readonly PlanResult[], place: keyof PlanDifferences): Compared[] =>
    plans.flatMap((plan) => {
      const found = differences.get(plan)?.[place];
      return found === undefined ? [] : [{ plan, found }];
    });
  const designed = models.flatMap((model) => {
    const groups = claims.get(model) ?? [];
    return groups.length === 0 ? [] : [{ model, groups }];
  });
  const main = [
    ...rivalFindings(designed, certainty),
    ...models.flatMap(({ name, plans }) => knapsackFindings(name, of(plans, "rival"))),
  ];
  const further = [
    ...furtherDesignFindings(designed, certainty),
    ...models.flatMap(({ name, plans }) => ruleFindings(name, of(plans, "windows"))),
    ...models.flatMap(({ name, plans }) => taskFindings(name, of(plans, "tasks"))),
  ];
  return designed.length === 0 ? { main: [...main, ...further], further: [] } : { main, further };
}

/** Whether a knapsack is compared with rules although the results do not state the widths that each could choose from. */
export function lacksMenus(plans: readonly PlanResult[], differences: Differences): boolean {
  return plans.some((plan) => differences.get(plan)?.rival !== undefined);
}

/** Knapsacks of sweeps that design no comparison, against the best rule of as few bytes. */
function knapsackFindings(model: string, compared: readonly Compared[]): Finding[] {
  if (compared.length === 0) return [];
  const sorted = [...compared].sort((a, b) => gainOf(a) - gainOf(b));
  const [least, most] = [sorted[0], sorted[sorted.length - 1]];
  const figure = `${lessBy(mean(compared.map(gainOf)))} KL`;
  const at = (one: Compared) => `${lessBy(gainOf(one))} at ${digits(one.plan.averageBits, 2)} bits`;
  const range =
    compared.length === 1 ? "" : ` on the mean of ${compared.length} sizes, from ${at(least)} to ${at(most)}`;
  const claim = `The knapsack leaves ${figure} than the best rule within its bytes${range}.`;
  return [{ model, figure, claim, certainty: `${told(compared)} The smallest gain is ${evidence(least)}.` }];
}

function ruleFindings(model: string, compared: readonly Compared[]): Finding[] {
  const rules = compared.filter(({ plan }) => strategyOf(plan) !== KNAPSACK);
  if (rules.length === 0) return [];
  const best = rules.reduce((a, b) => (b.found.difference < a.found.difference ? b : a));
  const shown = rules.filter(({ found }) => found.shown);
  const better = shown.filter(({ found }) => found.isBetter).length;
  const [worse, same] = [shown.length - better, rules.length - shown.length];
  const rest = `${worse} ${worse === 1 ? "is" : "are"} worse, and ${same} ${same === 1 ? "shows" : "show"} no difference`;
  const claim = `${better} of ${plural(rules.length, "rule")} ${better === 1 ? "beats" : "beat"} random plans of about as many bytes; ${rest}. “${best.plan.name}” gains most.`;
  const certainty = `${told(rules)} The largest gain is ${evidence(best)}.`;
  return [{ model, figure: `${better} of ${rules.length} rules`, claim, certainty }];
}

function taskFindings(model: string, compared: readonly Compared[]): Finding[] {
  if (compared.length === 0) return [];
  const shown = compared.filter(({ found }) => found.shown).length;
  const { plan, found } = compared.reduce((a, b) => (b.found.adjusted < a.found.adjusted ? b : a));
  const [lo, hi] = found.interval;
  const points = `${signed(100 * found.difference, 1)} points (95 %: ${span([100 * lo, 100 * hi], 1)}; p ${probability(found.adjusted)})`;
  const figure = `${shown} of ${plural(compared.length, "plan")}`;
  const claim = `In task scores, ${figure} differ from random plans of about as many bytes by more than chance explains.`;
  const certainty = `The clearest is ${points} of “${plan.name}” against “${found.against.name}”. Unit: ${found.unit}.`;
  return [{ model, figure, claim, certainty }];
}

/** Share of the other plan's KL that the plan leaves out. */
function gainOf({ plan, found }: Compared): number {
  return -found.difference / ((plan.kl?.mean ?? 0) - found.difference);
}

/** Difference, interval, corrected p, and the two plans. */
function evidence({ plan, found }: Compared): string {
  const count = klDecimals(plan.kl?.mean ?? 0);
  const numbers = `${signed(found.difference, count)} nats a token (95 %: ${span(found.interval, count)}; p ${probability(found.adjusted)})`;
  return `${numbers}, “${plan.name}” against “${found.against.name}”`;
}

/** How many comparisons are shown, and by what unit. */
function told(compared: readonly Compared[]): string {
  const shown = compared.filter(({ found }) => found.shown);
  const largest = Math.max(...shown.map(({ found }) => found.adjusted));
  const units = [...new Set(compared.map(({ found }) => found.unit))].join(", or ");
  const p = shown.length === 0 ? "" : ` (corrected p at most ${probability(largest)})`;
  return `${shown.length} of ${plural(compared.length, "difference")} shown${p}. Unit: ${units}.`;
}
