/** What the results say, in sentences: each with its figure, and with how certain it is. */

import { digits, klDecimals, probability, signed, span } from "../draw/number-format.ts";
import type { Difference, Differences } from "./differences.ts";
import { type ModelResult, mean, type PlanResult } from "./plan-means.ts";
import { KNAPSACK, menuOf, strategyOf } from "./strategies.ts";

/** A sentence about one model, as plain text. */
export interface Finding {
  readonly model: string;
  readonly claim: string;
  /** Difference, interval, corrected p and unit. */
  readonly certainty: string;
}

interface Compared {
  readonly plan: PlanResult;
  readonly found: Difference;
}

export function findingsOf(models: readonly ModelResult[], differences: Differences): Finding[] {
  return models.flatMap((model) => {
    const of = (place: "rival" | "windows" | "tasks"): Compared[] =>
      model.plans.flatMap((plan) => {
        const found = differences.get(plan)?.[place];
        return found === undefined ? [] : [{ plan, found }];
      });
    return [...knapsackFindings(model, of("rival")), ...controlFindings(model, of("windows")), ...taskFindings(model, of("tasks"))];
  });
}

/** A finding for each menu, or one where the results state no menus. */
function knapsackFindings({ name }: ModelResult, compared: readonly Compared[]): Finding[] {
  const menus = [...new Set(compared.map(({ plan }) => menuOf(plan)))];
  return menus.map((menu) => {
    const own = compared.filter(({ plan }) => menuOf(plan) === menu);
    const gains = own.map(({ plan, found }) => ({ plan, found, gain: gainOf({ plan, found }) }));
    gains.sort((a, b) => a.gain - b.gain);
    const [least, most] = [gains[0], gains[gains.length - 1]];
    const change = mean(gains.map(({ gain }) => gain));
    const range = own.length === 1 ? "" : ` on the mean of ${own.length} sizes`;
    const claim = `The ${KNAPSACK} has ${less(change)} KL than the best rule${menu === undefined ? "" : ` with the same menu ${menu}`} within its bytes${range}: ${less(least.gain)} at ${bits(least.plan)}${own.length === 1 ? "" : `, ${less(most.gain)} at ${bits(most.plan)}`}.`;
    const unstated = menu === undefined ? " The results do not state which widths each could choose from, so menus may differ." : "";
    return { model: name, claim, certainty: `${told(own)} Nearest: ${interval(least)}, against ${least.found.against.name}.${unstated}` };
  });
}

function controlFindings({ name }: ModelResult, compared: readonly Compared[]): Finding[] {
  const rules = compared.filter(({ plan }) => strategyOf(plan) !== KNAPSACK);
  if (rules.length === 0) return [];
  const sorted = [...rules].sort((a, b) => a.found.difference - b.found.difference);
  const best = sorted[0];
  const count = (test: (found: Difference) => boolean) => rules.filter(({ found }) => test(found)).length;
  const better = count(({ shown, isBetter }) => shown && isBetter);
  const worse = count(({ shown, isBetter }) => shown && !isBetter);
  const rest = rules.length - better - worse;
  const claim = `Of ${rules.length} rules, ${better} beat random plans of about as many bytes, ${worse} lose to them, and ${rest} show no difference. Most: ${best.plan.name}, ${signed(best.found.difference, decimals(best))} nats a token.`;
  return [{ model: name, claim, certainty: `${told(rules)} ${best.plan.name}: ${interval(best)}, against ${best.found.against.name}.` }];
}

function taskFindings({ name }: ModelResult, compared: readonly Compared[]): Finding[] {
  if (compared.length === 0) return [];
  const shown = compared.filter(({ found }) => found.shown);
  const most = compared.reduce((a, b) => (b.found.adjusted < a.found.adjusted ? b : a));
  const { found, plan } = most;
  const points = `${signed(100 * found.difference, 1)} points (95 %: ${span([100 * found.interval[0], 100 * found.interval[1]], 1)})`;
  const verdict = shown.length === 0 ? "none of" : `${shown.length} of`;
  const claim = `In task scores, ${verdict} ${compared.length} rules differ${shown.length === 1 ? "s" : ""} from random plans of about as many bytes.`;
  const certainty = `Clearest: ${plan.name}, ${points}, p ${probability(found.adjusted)} (Holm), against ${found.against.name}. Unit: an item of a task (${found.pairs}).`;
  return [{ model: name, claim, certainty }];
}

/** Share of the other plan's KL that the plan leaves out. */
function gainOf({ plan, found }: Compared): number {
  return -found.difference / ((plan.kl?.mean ?? 0) - found.difference);
}

function less(gain: number): string {
  const share = Math.round(Math.abs(100 * gain));
  return `${share} % ${gain < 0 ? "more" : "less"}`;
}

function bits({ averageBits }: PlanResult): string {
  return `${digits(averageBits, 2)} bits`;
}

function decimals({ plan }: Compared): number {
  return klDecimals(plan.kl?.mean ?? 0);
}

function interval(compared: Compared): string {
  const { found } = compared;
  const count = decimals(compared);
  return `${signed(found.difference, count)} nats a token (95 %: ${span(found.interval, count)}), p ${probability(found.adjusted)}`;
}

/** How many comparisons are shown, and by what unit. */
function told(compared: readonly Compared[]): string {
  const shown = compared.filter(({ found }) => found.shown).length;
  const largest = Math.max(...compared.map(({ found }) => found.adjusted));
  const draws = Math.max(...compared.map(({ plan }) => new Set(plan.cells.map(({ calibration }) => calibration)).size));
  const units = [...new Set(compared.map(({ found }) => found.pairs))].join(" or ");
  const averaged = draws > 1 ? `, after averaging ${draws} draws` : ", one draw";
  return `${shown} of ${compared.length} differences shown, largest p ${probability(largest)} (Holm). Unit: a window of text (${units})${averaged}.`;
}
