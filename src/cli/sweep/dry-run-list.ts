/** Lists the cells of a sweep for `--dry-run`. */
import type { CommandSession } from "../session/command-session.ts";
import { renderTable, type TextColumn } from "../show/text-table.ts";
import type { SweepCell } from "./cell-list.ts";
import { plannedSizes } from "./cell-sizes.ts";

export async function listCells(session: CommandSession, cells: readonly SweepCell[]): Promise<void> {
  const sizes = await plannedSizes(session, cells);
  if (!session.output.isJson) return table(session, cells, sizes);
  for (const [i, { key, model, plan, grid, calibration, seed }] of cells.entries())
    session.output.line({
      ...{ key, model: model.name, plan: plan.name, grid: grid.name, calibration: calibration.name, seed },
      activations: plan.activations ?? null,
      averageBits: sizes[i]?.averageBits ?? null,
      trueBytes: sizes[i]?.trueBytes ?? null,
    });
}

function table(
  session: CommandSession,
  cells: readonly SweepCell[],
  sizes: Awaited<ReturnType<typeof plannedSizes>>,
): void {
  const hasActivations = cells.some(({ plan }) => plan.activations !== undefined);
  const columns: readonly TextColumn[] = [
    ...["model", "plan", "policy", ...(hasActivations ? ["activations"] : [])].map((title) => ({ title })),
    ...["grid", "calibration", "seed"].map((title) => ({ title })),
    ...["bits", "bytes"].map((title) => ({ title, align: "right" as const })),
  ];
  const rows = cells.map(({ model, plan, grid, calibration, seed }, i) => [
    ...[model.name, plan.name, plan.policy, ...(hasActivations ? [plan.activations ?? "-"] : [])],
    ...[grid.name, calibration.name, String(seed)],
    ...[sizes[i]?.averageBits.toFixed(4) ?? "-", String(sizes[i]?.trueBytes ?? "-")],
  ]);
  session.output.piece(`${renderTable(columns, rows)}${cells.length} cells\n`);
}
