/**
 * Compares plans window by window, and item by item of the tasks: with random controls of about as many bytes, knapsacks with rules. Where a sweep
 * designs its comparison, its claims are added.
 */

import { holm } from "../../eval/stats/holm.ts";
import type { Interval } from "../../eval/stats/interval.ts";
import { comparePaired, type PairedComparison } from "../../eval/stats/paired.ts";
import { type Claim, type ClaimGroup, claimsOf } from "./claims.ts";
import { type PieceKind, pairPieces } from "./paired-pieces.ts";
import { type ModelResult, type PlanResult, planKey } from "./plan-means.ts";
import { rivalOf } from "./strategies.ts";

/** The probability that the whole report shows any difference that is only chance. */
const ALPHA = 0.05;

export interface Difference {
  /** KL and NLL are in nats a token, tasks in right answers an item. */
  readonly by: PieceKind;
  readonly against: PlanResult;
  /** Mean of the plan minus that of the other. */
  readonly difference: number;
  readonly interval: Interval;
  /** Number of windows or items. */
  readonly pairs: number;
  /** McNemar's p if every outcome is right or wrong, the paired bootstrap's if outcomes are means of runs. */
  readonly p: number;
  /** p adjusted by Holm's procedure over all comparisons of the report. */
  readonly adjusted: number;
  readonly shown: boolean;
  readonly isBetter: boolean;
}

export interface PlanDifferences {
  /** To the random control: the difference in KL, or in NLL if KL is missing. */
  readonly windows?: Difference;
  readonly tasks?: Difference;
  /** Of a knapsack to the best rule within the same budget: the difference in KL. */
  readonly rival?: Difference;
}

/** Differences by plan. Plans that nothing is compared with, or with no windows or items in common with it, are missing. */
export type Differences = ReadonlyMap<PlanResult, PlanDifferences>;

/** How certain a claim is. */
export interface Certainty {
  /** p adjusted by Holm's procedure over all comparisons of the report. */
  readonly adjusted: number;
  readonly shown: boolean;
}

/** All comparisons of a report. */
export interface Comparisons {
  readonly differences: Differences;
  /** Claims of the models whose sweeps design a comparison. */
  readonly claims: ReadonlyMap<ModelResult, readonly ClaimGroup[]>;
  /** Of each claim and of each group's mean. */
  readonly certainty: ReadonlyMap<Claim | ClaimGroup, Certainty>;
  /** How many p values Holm's procedure goes over. */
  readonly tests: number;
}

interface Found {
  readonly plan: PlanResult;
  readonly against: PlanResult;
  readonly place: keyof PlanDifferences;
  readonly by: PieceKind;
  readonly compared: PairedComparison;
}

/** Makes all comparisons. Holm's procedure goes over all of them together. */
export async function comparePlans(models: readonly ModelResult[], signal: AbortSignal): Promise<Comparisons> {
  const found = await pairedComparisons(models, signal);
  const claims = new Map(models.map((model) => [model, claimsOf(model)] as const));
  const tested = [...claims.values()]
    .flat()
    .flatMap((group) => [
      ...group.claims.map((claim) => [claim, claim.found.p] as const),
      ...(group.gain === undefined ? [] : [[group, group.gain.p] as const]),
    ]);
  const paired = found.map(({ compared: { mcnemar, bootstrap } }) => mcnemar?.p ?? bootstrap.p);
  const adjusted = holm([...paired, ...tested.map(([, p]) => p)]);
  const ofClaims = adjusted.slice(paired.length);
  return {
    differences: differencesOf(found, paired, adjusted),
    claims,
    certainty: new Map(tested.map(([claim], i) => [claim, { adjusted: ofClaims[i], shown: ofClaims[i] <= ALPHA }])),
    tests: adjusted.length,
  };
}

/** Plans with their random controls, and knapsacks with the best rules. */
async function pairedComparisons(models: readonly ModelResult[], signal: AbortSignal): Promise<readonly Found[]> {
  const found: Found[] = [];
  const compareBy = async (
    plan: PlanResult,
    against: PlanResult | undefined,
    place: Found["place"],
    by: PieceKind,
  ): Promise<boolean> => {
    const pair = against && pairPieces(plan, against, by);
    if (pair === undefined) return false;
    const compared = await comparePaired(pair.ours, pair.control, { signal });
    found.push({ plan, against: against as PlanResult, place, by, compared });
    return true;
  };
  for (const { plans } of models) {
    for (const plan of plans) {
      const control = controlOf(plan, plans);
      if (!(await compareBy(plan, control, "windows", "KL"))) await compareBy(plan, control, "windows", "NLL");
      await compareBy(plan, control, "tasks", "tasks");
      await compareBy(plan, rivalOf(plan, plans), "rival", "KL");
    }
  }
  return found;
}

function differencesOf(found: readonly Found[], ps: readonly number[], adjusted: readonly number[]): Differences {
  const differences = new Map<PlanResult, PlanDifferences>();
  for (const [i, one] of found.entries()) {
    const difference = differenceOf(one, ps[i], adjusted[i]);
    differences.set(one.plan, { ...differences.get(one.plan), [one.place]: difference });
  }
  return differences;
}

function differenceOf({ by, against, compared }: Found, p: number, adjusted: number): Difference {
  const { difference, interval, n, shown } = compared;
  const isBetter = by === "tasks" ? difference > 0 : difference < 0;
  return { by, against, difference, interval, pairs: n, p, adjusted, shown: shown && adjusted <= ALPHA, isBetter };
}

function controlOf(plan: PlanResult, plans: readonly PlanResult[]): PlanResult | undefined {
  if (plan.control === null) return undefined;
  const wanted = planKey(plan.control, plan.cells[0].grid);
  const control = plans.find(({ cells: [cell] }) => planKey(cell.plan, cell.grid) === wanted);
  return control === plan ? undefined : control;
}
