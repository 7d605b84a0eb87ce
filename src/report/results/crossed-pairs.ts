/** What two plans measured as tables: rows are draws of calibration tokens, columns windows of text or seeds of random plans. */
import type { CrossedPair } from "../../eval/stats/crossed/crossed-difference.ts";
import { mean, type PlanResult } from "./plan-means.ts";
import type { MeasuredCell } from "./read-cells.ts";

/** Two plans to compare. */
export interface PlanPair {
  readonly ours: PlanResult;
  readonly theirs: PlanResult;
}

/** The draws of calibration tokens that all plans have. */
export function drawsOfAll(pairs: readonly PlanPair[]): string[] {
  const known = pairs.flatMap(({ ours, theirs }) => [ours, theirs]).map(({ cells }) => new Set(cells.map(drawOf)));
  return [...(known[0] ?? [])].filter((draw) => known.every((draws) => draws.has(draw)));
}

function drawOf({ calibration }: MeasuredCell): string {
  return calibration ?? "";
}

/** Windows of both plans on each draw, means over seeds. Undefined if they have no draws, or other windows. */
export function windowPair(
  { ours, theirs }: PlanPair,
  draws: readonly string[],
  text?: string,
): CrossedPair | undefined {
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
export function seedPair({ ours, theirs }: PlanPair, draws: readonly string[]): CrossedPair | undefined {
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
