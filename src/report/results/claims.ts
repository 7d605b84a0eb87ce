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
import { type Design, type DesignPlace, designOf } from "./design.ts";
import { type ModelResult, mean, type PlanResult } from "./plan-means.ts";
import type { MeasuredCell } from "./read-cells.ts";
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

type Two = Pick<Claim, "ours" | "theirs">;

/** The draws of calibration tokens that all plans have. */
function drawsOfAll(pairs: readonly Two[]): string[] {
  const known = pairs.flatMap(({ ours, theirs }) => [ours, theirs]).map(({ cells }) => new Set(cells.map(drawOf)));
  return [...(known[0] ?? [])].filter((draw) => known.every((draws) => draws.has(draw)));
}

function drawOf({ calibration }: MeasuredCell): string {
  return calibration ?? "";
}

/** The texts that all plans were measured on; none if there is only one. */
function textsOf(pairs: readonly Two[]): string[] {
  const [first] = pairs.flatMap(({ ours }) => ours.cells);
  const names = [...(first?.texts.keys() ?? [])];
  return names.length < 2 ? [] : names;
}

/** Windows of both plans on each draw, means over seeds. Undefined if they have no draws, or other windows. */
function windowPair({ ours, theirs }: Two, draws: readonly string[], text?: string): CrossedPair | undefined {
  const tableOf = ({ cells }: PlanResult) =>
    draws.map((draw) =>
      meanWindows(
        cells.filter((cell) => drawOf(cell) === draw),
        text,
      ),
    );
  const strata = text === undefined ? strataOfTexts(ours) : undefined;
  return checkedPair({ ours: tableOf(ours), theirs: tableOf(theirs), strata });
}

/** Windows of each text: texts are those that were chosen, windows are some of many. Undefined for a single text. */
function strataOfTexts({ cells: [{ texts }] }: PlanResult): readonly number[] | undefined {
  return texts.size < 2 ? undefined : [...texts.values()].map(({ windows }) => windows.length);
}

function meanWindows(cells: readonly MeasuredCell[], text?: string): number[] {
  const runs = cells.map(({ kl, texts }) => (text === undefined ? kl : texts.get(text))?.windows ?? []);
  return runs[0].map((_, window) => mean(runs.map((windows) => windows[window])));
}

/** Means of both plans: rows are draws, columns the seeds of theirs. A plan without seeds has the same value in each. */
function seedPair({ ours, theirs }: Two, draws: readonly string[]): CrossedPair | undefined {
  const seeds = [...new Set(theirs.cells.map(({ seed }) => seed))];
  const of = ({ cells }: PlanResult, draw: string) => cells.filter((cell) => drawOf(cell) === draw);
  const tables = draws.map((draw) => {
    const own = mean(of(ours, draw).map(klOf));
    const drawn = seeds.map((seed) =>
      of(theirs, draw)
        .filter((cell) => cell.seed === seed)
        .map(klOf),
    );
    return { ours: seeds.map(() => own), theirs: drawn.map(mean) };
  });
  return checkedPair({ ours: tables.map((row) => row.ours), theirs: tables.map((row) => row.theirs) });
}

function klOf({ kl }: MeasuredCell): number {
  return kl?.mean ?? Number.NaN;
}

/** The pair if it is whole: each row of both has as many values, at least two, all finite. */
function checkedPair(pair: {
  readonly ours: number[][];
  readonly theirs: number[][];
  readonly strata?: readonly number[];
}): CrossedPair | undefined {
  const { ours, theirs, strata = [] } = pair;
  const columns = ours[0]?.length ?? 0;
  const isWhole = (row: readonly number[]) => row.length === columns && row.every(Number.isFinite);
  return columns > Math.max(1, strata.length) && [...ours, ...theirs].every(isWhole) ? pair : undefined;
}

function meanGain(pairs: readonly (CrossedPair | undefined)[]): CrossedMean | undefined {
  const whole = pairs.flatMap((pair) => pair ?? []);
  const columns = new Set(whole.map(({ ours }) => ours[0].length));
  return whole.length === pairs.length && columns.size === 1 ? crossedGain(whole) : undefined;
}
