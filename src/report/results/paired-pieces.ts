/** Pairs what two plans measured, window by window or item by item. */

import { groupBy } from "../../base/group-by.ts";
import { mean, type PlanResult } from "./plan-means.ts";
import type { MeasuredCell } from "./read-cells.ts";

/** KL and NLL are paired by window, tasks by item. */
export type PieceKind = "KL" | "NLL" | "tasks";

/** What a cell measured, window by window or item by item. Only pieces of the same kind are paired. */
interface Pieces {
  readonly kind: string;
  readonly values: readonly number[];
}

const PIECES: Readonly<Record<PieceKind, (cell: MeasuredCell) => Pieces | undefined>> = {
  KL: ({ kl }) => windowPieces(kl?.windows),
  NLL: ({ nll }) => windowPieces(nll?.windows),
  tasks: taskPieces,
};

function windowPieces(windows: readonly number[] = []): Pieces | undefined {
  return windows.length === 0 ? undefined : { kind: String(windows.length), values: windows };
}

/** The items of all tasks, in the order of the tasks' names. */
function taskPieces({ tasks = {} }: MeasuredCell): Pieces | undefined {
  const known = Object.entries(tasks).filter(([, { outcomes }]) => outcomes !== "");
  if (known.length === 0) return undefined;
  known.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    kind: JSON.stringify(known.map(([name, { outcomes }]) => [name, outcomes.length])),
    values: known.flatMap(([, { outcomes }]) => Array.from(outcomes, Number)),
  };
}

/**
 * What both plans measured, averaged over seeds and then over the draws of calibration tokens that both plans have. Undefined if
 * they share no draw, or were measured on different windows or items.
 */
export function pairPieces(
  plan: PlanResult,
  control: PlanResult,
  kind: PieceKind,
): { ours: number[]; control: number[] } | undefined {
  const piecesOf = PIECES[kind];
  const [a, b] = [piecesByDraw(plan.cells, piecesOf), piecesByDraw(control.cells, piecesOf)];
  const draws = [...a.keys()].filter((draw) => b.has(draw));
  const [ours, theirs] = [a, b].map((known) => draws.map((draw) => known.get(draw) as Pieces));
  const kinds = new Set([...ours, ...theirs].map(({ kind }) => kind));
  if (kinds.size !== 1) return undefined;
  return { ours: meanPieces(ours), control: meanPieces(theirs) };
}

/** Pieces by draw. Draws whose seeds were measured on different pieces are left out. */
function piecesByDraw(
  cells: readonly MeasuredCell[],
  piecesOf: (cell: MeasuredCell) => Pieces | undefined,
): ReadonlyMap<string, Pieces> {
  const draws = new Map<string, Pieces>();
  for (const [draw, own] of groupBy(cells, ({ calibration }) => calibration ?? "")) {
    const runs = own.flatMap((cell) => piecesOf(cell) ?? []);
    const kinds = new Set(runs.map(({ kind }) => kind));
    if (kinds.size === 1) draws.set(draw, { kind: runs[0].kind, values: meanPieces(runs) });
  }
  return draws;
}

function meanPieces(runs: readonly Pieces[]): number[] {
  return runs[0].values.map((_, piece) => mean(runs.map(({ values }) => values[piece])));
}
