/**
 * Compares plans: with random controls of about as many bytes, knapsacks with rules. KL is compared over draws of calibration tokens where there are
 * several, otherwise window by window, tasks item by item. Where a sweep designs its comparison, its claims are added.
 */

import { crossedDifference } from "../../eval/stats/crossed/crossed-difference.ts";
import { holm } from "../../eval/stats/holm.ts";
import type { Interval } from "../../eval/stats/interval.ts";
import { comparePaired } from "../../eval/stats/paired.ts";
import { type Claim, type ClaimGroup, claimsOf } from "./claims.ts";
import { drawsOfAll, seedPair, windowPair } from "./crossed-pairs.ts";
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
  /** What the interval generalises over, and how many of them: "5 draws of calibration tokens and 10 random plans, both random". */
  readonly unit: string;
  /** Student's for draws beside windows or random plans. Otherwise McNemar's if every outcome is right or wrong, the paired bootstrap's if not. */
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
  readonly difference: number;
  readonly interval: Interval;
  readonly unit: string;
  readonly p: number;
  /** Whether the interval leaves 0 out. */
  readonly shown: boolean;
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
  const paired = found.map(({ p }) => p);
  const adjusted = holm([...paired, ...tested.map(([, p]) => p)]);
  const ofClaims = adjusted.slice(paired.length);
  return {
    differences: differencesOf(found, adjusted),
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
    if (against === undefined) return false;
    const one =
      (by === "KL" ? overDraws(plan, against) : undefined) ?? (await overPieces(plan, against, { by, signal }));
    if (one !== undefined) found.push({ plan, against, place, by, ...one });
    return one !== undefined;
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

type PlanDifference = Pick<Found, "difference" | "interval" | "unit" | "p" | "shown">;

/** Over draws, which are as random as the windows of text, or as random plans if theirs are some. Undefined for plans that share fewer than two draws. */
function overDraws(ours: PlanResult, theirs: PlanResult): PlanDifference | undefined {
  const pair = { ours, theirs };
  const draws = drawsOfAll([pair]);
  if (draws.length < 2) return undefined;
  const seeded = new Set(theirs.cells.map(({ seed }) => seed)).size > 1 ? seedPair(pair, draws) : undefined;
  const tables = seeded ?? windowPair(pair, draws);
  if (tables === undefined) return undefined;
  const { mean: difference, interval, p } = crossedDifference(tables);
  const columns = `${tables.ours[0].length} ${seeded === undefined ? "windows" : "random plans"}`;
  const unit = `${draws.length} draws of calibration tokens and ${columns}, both random`;
  return { difference, interval, unit, p, shown: interval[0] > 0 || interval[1] < 0 };
}

/** Over windows or items, means of seeds and draws. Undefined for plans without a window or item in common. */
async function overPieces(
  plan: PlanResult,
  against: PlanResult,
  { by, signal }: { readonly by: PieceKind; readonly signal: AbortSignal },
): Promise<PlanDifference | undefined> {
  const pair = pairPieces(plan, against, by);
  if (pair === undefined) return undefined;
  const { difference, interval, n, shown, mcnemar, bootstrap } = await comparePaired(pair.ours, pair.control, {
    signal,
  });
  const draws = new Set(plan.cells.map(({ calibration }) => calibration)).size;
  const averaged = draws > 1 ? `means of ${draws} draws` : "one draw";
  const unit = by === "tasks" ? `an item of a task (${n})` : `a window of text (${n}, ${averaged})`;
  return { difference, interval, unit, p: mcnemar?.p ?? bootstrap.p, shown };
}

function differencesOf(found: readonly Found[], adjusted: readonly number[]): Differences {
  const differences = new Map<PlanResult, PlanDifferences>();
  for (const [i, one] of found.entries()) {
    const difference = differenceOf(one, adjusted[i]);
    differences.set(one.plan, { ...differences.get(one.plan), [one.place]: difference });
  }
  return differences;
}

function differenceOf({ plan: _, place: __, ...found }: Found, adjusted: number): Difference {
  const { by, difference, shown } = found;
  const isBetter = by === "tasks" ? difference > 0 : difference < 0;
  return { ...found, adjusted, shown: shown && adjusted <= ALPHA, isBetter };
}

function controlOf(plan: PlanResult, plans: readonly PlanResult[]): PlanResult | undefined {
  if (plan.control === null) return undefined;
  const wanted = planKey(plan.control, plan.cells[0].grid);
  const control = plans.find(({ cells: [cell] }) => planKey(cell.plan, cell.grid) === wanted);
  return control === plan ? undefined : control;
}
