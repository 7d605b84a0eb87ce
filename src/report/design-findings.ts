/** What a designed comparison says, in sentences: strategies against rules, menus against each other, rules against random plans, predictions. */
import { groupBy } from "../base/group-by.ts";
import type { CrossedMean } from "../eval/stats/crossed/crossed-mean.ts";
import { digits, lessBy, percents, plural, probability } from "./draw/number-format.ts";
import type { Finding } from "./finding.ts";
import type { Claim, ClaimGroup } from "./results/claims.ts";
import type { Certainty, Comparisons } from "./results/differences.ts";
import { type ModelResult, mean } from "./results/plan-means.ts";
import { RULE } from "./results/strategies.ts";

type Certainties = Comparisons["certainty"];

/** A model with its designed comparison. */
export interface DesignedModel {
  readonly model: ModelResult;
  readonly groups: readonly ClaimGroup[];
}

/** Each strategy against the best rule of the same menu: what a designed comparison asks first. */
export function rivalFindings(designed: readonly DesignedModel[], of: Certainties): Finding[] {
  return designed.flatMap(({ model, groups }) =>
    ofKind(groups, "rule").map((group) => rivalFinding(model.name, group, of)),
  );
}

/** The same text by text, menus against each other, rules against random plans, and predictions. */
export function furtherDesignFindings(designed: readonly DesignedModel[], of: Certainties): Finding[] {
  return [textFindings, menuFindings, randomFindings, predictionFindings].flatMap((make) =>
    designed.flatMap((one) => make(one, of)),
  );
}

function ofKind(groups: readonly ClaimGroup[], kind: ClaimGroup["kind"]): ClaimGroup[] {
  return groups.filter((group) => group.kind === kind);
}

function rivalFinding(model: string, group: ClaimGroup, of: Certainties): Finding {
  const figure = `${lessBy(meanGain(group))} KL`;
  const claim = `${nameOf(group)} leaves ${figure} than the best rule with the same menu ${group.menu}${rangeOf(group)}.`;
  return { model, figure, claim, certainty: `${certaintyOf(group, of)} ${unitOf(group)}` };
}

function textFindings({ model: { name }, groups }: DesignedModel): Finding[] {
  const known = ofKind(groups, "rule").filter(({ texts }) => texts.size > 0);
  return [...groupBy(known, ({ strategy }) => strategy).values()].map((own) => {
    const gains = own.flatMap(({ texts }) => [...texts.values()].map(({ mean: gain }) => gain));
    const [least, most] = [Math.min(...gains), Math.max(...gains)];
    const figure = `${digits(100 * least, 0)} to ${digits(100 * most, 0)} % less`;
    const onTexts = ({ menu, texts }: ClaimGroup) =>
      `with ${menu} ${[...texts].map(([text, gain]) => `${lessBy(gain.mean)} on ${text} (${percents(gain.interval)} %)`).join(", ")}`;
    const claim = `Text by text, ${lowerFirst(nameOf(own[0]))} leaves this much KL out: ${own.map(onTexts).join("; ")}.`;
    return { model: name, figure, claim, certainty: `95 % intervals; not tested text by text. ${unitOf(own[0])}` };
  });
}

function menuFindings({ model: { name }, groups }: DesignedModel, of: Certainties): Finding[] {
  return [...groupBy(ofKind(groups, "menu"), ({ menu }) => menu)].map(([menu, own]) => {
    const figure = `${lessBy(meanGain(own[0]))} KL`;
    const others = own.slice(1).map((group) => `, ${group.strategy}s ${lessBy(meanGain(group))}`);
    const leave = `${subjectOf(own[0])} leave ${figure}${others.join("")}`;
    const claim = `${leave} with the menu ${menu} than with ${own[0].against} at the same budget${overBudgets(own[0])}.`;
    const told = own.map((group) => `${subjectOf(group)}: ${lowerFirst(certaintyOf(group, of))}`).join(" ");
    return { model: name, figure, claim, certainty: `${told} ${unitOf(own[0])}` };
  });
}

/** A strategy's plans, at the beginning of a sentence. */
function subjectOf({ strategy }: ClaimGroup): string {
  return strategy === RULE ? "The best rules" : `${strategy[0].toUpperCase()}${strategy.slice(1)}s`;
}

function lowerFirst(sentence: string): string {
  return `${sentence[0].toLowerCase()}${sentence.slice(1)}`;
}

function randomFindings({ model: { name }, groups }: DesignedModel, of: Certainties): Finding[] {
  const own = ofKind(groups, "random");
  if (own.length === 0) return [];
  const figure = `${lessBy(meanGain(own[0]))} KL`;
  const parts = own.map((group, i) => `${i === 0 ? figure : lessBy(meanGain(group))} with ${group.menu}`);
  const claim = `The best rule leaves ${parts.join(", ")} than random plans of the same menu and budget${overBudgets(own[0])}.`;
  const told = own.map((group) => `${group.menu}: ${lowerFirst(certaintyOf(group, of))}`).join(" ");
  const [draws, seeds] = own[0].size;
  const unit = `Unit: ${plural(draws, "draw")} of calibration tokens and ${plural(seeds, "random plan")}, both random.`;
  return [{ model: name, figure, claim, certainty: `${told} ${unit}` }];
}

/** How far the policies' own expectations are from what was measured: on text of the kind that they expect it of, or on all texts if there is none. */
function predictionFindings({ model: { name, plans } }: DesignedModel): Finding[] {
  const hasOwnText = plans.some(({ klForPrediction }) => klForPrediction !== undefined);
  const known = plans.flatMap((plan) => {
    const [expected, found] = [plan.predictedKl, hasOwnText ? plan.klForPrediction : plan.kl?.mean];
    return expected === undefined || found === undefined || found <= 0 ? [] : [{ plan, error: expected / found - 1 }];
  });
  if (known.length === 0) return [];
  const sorted = known.sort((a, b) => a.error - b.error);
  const figure = `${digits(100 * mean(known.map(({ error }) => Math.abs(error))), 0)} % off`;
  const at = ({ plan, error }: (typeof known)[number]) =>
    `${digits(Math.abs(100 * error), 0)} % too ${error < 0 ? "low" : "high"} at ${digits(plan.averageBits, 2)} bits`;
  const claim = `The KL that the knapsack expects is ${figure} on the mean of ${plural(known.length, "plan")}: from ${at(sorted[0])} to ${at(sorted[sorted.length - 1])}.`;
  const text = hasOwnText ? "other text of the same kind" : "other text";
  const certainty = `Expected of calibration tokens, measured on ${text}; means of draws. Not tested.`;
  return [{ model: name, figure, claim, certainty }];
}

/** The mean over budgets of the gain, also where budgets do not share draws and windows. */
function meanGain({ gain, claims }: ClaimGroup): number {
  return gain?.mean ?? mean(claims.map(({ found }) => found.gain));
}

function overBudgets({ claims }: ClaimGroup): string {
  return claims.length === 1 ? "" : ` on the mean of ${claims.length} budgets`;
}

/** The mean's budgets, and where the gain is smallest and largest. */
function rangeOf(group: ClaimGroup): string {
  const sorted = [...group.claims].sort((a, b) => a.found.gain - b.found.gain);
  const at = ({ found, place }: Claim) => `${lessBy(found.gain)} at ${place.budget} bits`;
  const [least, most] = [sorted[0], sorted[sorted.length - 1]];
  return group.claims.length === 1
    ? ` at ${least.place.budget} bits`
    : `${overBudgets(group)}, from ${at(least)} to ${at(most)}`;
}

function nameOf({ strategy }: ClaimGroup): string {
  return strategy === "auto" ? "The rule of policy auto" : `The ${strategy}`;
}

/** `7 to 10 % less`, and `2 to 3 % more` where the whole interval says more. */
function reach({ interval: [lo, hi] }: CrossedMean): string {
  return hi < 0 ? `${percents([-hi, -lo])} % more` : `${percents([lo, hi])} % less`;
}

/** Interval and corrected p of the mean, and at how many budgets the difference is shown. */
function certaintyOf(group: ClaimGroup, of: Certainties): string {
  const { claims, gain } = group;
  const whole = of.get(group);
  const told =
    gain === undefined || whole === undefined
      ? ""
      : `95 %: ${reach(gain)}; corrected p ${probability(whole.adjusted)}. `;
  const certain = claims.flatMap((claim) => of.get(claim) ?? []);
  const lower = claims.filter(({ found }) => found.gain > 0).length;
  return `${told}Lower at ${lower} of ${plural(claims.length, "budget")}, ${shownOf(certain)}.`;
}

function shownOf(certain: readonly Certainty[]): string {
  const shown = certain.filter((one) => one.shown);
  if (shown.length === 0) return "shown at none";
  return `shown at ${shown.length} (corrected p at most ${probability(Math.max(...shown.map(({ adjusted }) => adjusted)))})`;
}

function unitOf({ size: [draws, windows], texts }: ClaimGroup): string {
  const of = texts.size < 2 ? "" : ` of ${texts.size} texts`;
  if (draws < 2) return `Unit: a window of text (${windows}${of}), one draw of calibration tokens.`;
  return `Unit: ${draws} draws of calibration tokens and ${windows} windows${of}, both random.`;
}
