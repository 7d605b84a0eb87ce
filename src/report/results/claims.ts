/**
 * What a designed comparison claims: each strategy against the best rule of the same menu, wider menus against narrower ones, rules against random
 * plans. Draws of calibration tokens and windows of text are both random (`eval/stats/crossed`), for random plans draws and seeds.
 */
import {
  type CrossedDifference,
  type CrossedPair,
  crossedDifference,
  crossedGain,
} from "../../eval/stats/crossed/crossed-difference.ts";
import type { CrossedMean } from "../../eval/stats/crossed/crossed-mean.ts";
import { drawsOfAll, type PlanPair, seedPair, windowPair } from "./crossed-pairs.ts";
import { type Design, type DesignPlace, designOf } from "./design.ts";
import type { ModelResult, PlanResult } from "./plan-means.ts";
import { RANDOM, RULE } from "./strategies.ts";

export type ClaimKind = "rule" | "menu" | "random";

/** Two plans at one menu and budget. */
export interface Claim {
  readonly place: DesignPlace;
  readonly ours: PlanResult;
  readonly theirs: PlanResult;
  readonly found: CrossedDifference;
}

/** Claims of one kind, one strategy and one menu, a claim for each budget, and their mean. */
export interface ClaimGroup {
  readonly kind: ClaimKind;
  /** The strategy of ours; theirs are rules, the same strategy with another menu, or random plans. */
  readonly strategy: string;
  readonly menu: string;
  /** The menu of theirs. */
  readonly against: string;
  readonly claims: readonly Claim[];
  /** Mean gain over budgets, on the draws and windows that all of them have. Undefined if there are none. */
  readonly gain?: CrossedMean;
  /** The same on each text alone, if there are several. */
  readonly texts: ReadonlyMap<string, CrossedMean>;
  /** Numbers of draws and of windows (of seeds where theirs are random) behind each claim. */
  readonly size: readonly [rows: number, columns: number];
}

/** The interval of a claim's gain, with theirs taken as known. */
export function gainInterval({ found: { interval, theirs } }: Claim): readonly [number, number] {
  return [-interval[1] / theirs, -interval[0] / theirs];
}

/** All claims of a model; none if its plans state no places. */
export function claimsOf(model: ModelResult): ClaimGroup[] {
  const design = designOf(model);
  if (design === undefined) return [];
  const { menus, rivals } = design;
  const same = (menu: string) => [menu, menu] as const;
  const wider = menus.slice(1).map((menu, i) => [menu, menus[i]] as const);
  return [
    ...rivals.flatMap((strategy) => menus.map((menu) => groupOf(design, "rule", [strategy, RULE], same(menu)))),
    ...[RULE, ...rivals].flatMap((strategy) =>
      wider.map((pair) => groupOf(design, "menu", [strategy, strategy], pair)),
    ),
    ...menus.map((menu) => groupOf(design, "random", [RULE, RANDOM], same(menu))),
  ].filter(({ claims }) => claims.length > 0);
}

function groupOf(
  design: Design,
  kind: ClaimKind,
  [strategy, other]: readonly [string, string],
  [menu, against]: readonly [string, string],
): ClaimGroup {
  const pairOf = kind === "random" ? seedPair : windowPair;
  const places = design.budgets.flatMap((budget) => {
    const ours = design.planAt(strategy, { menu, budget });
    const theirs = design.planAt(other, { menu: against, budget });
    return ours === undefined || theirs === undefined || ours === theirs
      ? []
      : [{ place: { menu, budget }, ours, theirs }];
  });
  const measured = places.flatMap((place) => {
    const pair = pairOf(place, drawsOfAll([place]));
    return pair === undefined ? [] : [{ ...place, pair }];
  });
  const claims = measured.map(({ pair, ...claim }) => ({ ...claim, found: crossedDifference(pair) }));
  const draws = drawsOfAll(measured);
  const meanOn = (text?: string) => meanGain(measured.map((place) => pairOf(place, draws, text)));
  const texts = kind === "rule" ? textsOf(measured) : [];
  return {
    ...{ kind, strategy, menu, against, claims, gain: meanOn() },
    texts: new Map(
      texts.flatMap((text) => {
        const gain = meanOn(text);
        return gain === undefined ? [] : [[text, gain]];
      }),
    ),
    size: [draws.length, measured[0]?.pair.ours[0].length ?? 0],
  };
}

/** The texts that all plans were measured on; none if there is only one. */
function textsOf(pairs: readonly PlanPair[]): string[] {
  const [first] = pairs.flatMap(({ ours }) => ours.cells);
  const names = [...(first?.texts.keys() ?? [])];
  return names.length < 2 ? [] : names;
}

function meanGain(pairs: readonly (CrossedPair | undefined)[]): CrossedMean | undefined {
  const whole = pairs.flatMap((pair) => pair ?? []);
  const columns = new Set(whole.map(({ ours }) => ours[0].length));
  return whole.length === pairs.length && columns.size === 1 ? crossedGain(whole) : undefined;
}
