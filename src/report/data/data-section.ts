/** The page's data: a table of all cells to download, and the names of the files of results. */

import { csvText } from "../../files/csv-text.ts";
import type { ClaimRecord } from "../claims-table.ts";
import { escapeHtml, plural } from "../draw/number-format.ts";
import type { ResultFile } from "../provenance.ts";
import type { MeasuredCell } from "../results/read-cells.ts";

export function dataSection(files: readonly ResultFile[], claims: readonly ClaimRecord[]): string {
  const cells = files.flatMap((file) => file.cells);
  const comparisons =
    claims.length === 0 ? "" : ` ${download("comparisons.csv", asCsv(claims))}: every comparison of two plans.`;
  const beside = files.map(({ name }) => `<a href="${encodeURIComponent(name)}" download>${escapeHtml(name)}</a>`);
  return `<section id="data">
<h2>Data</h2>
<p>${download("cells.csv", cellsAsCsv(cells))}: ${plural(cells.length, "cell")} in this page, a row each, without windows and \
losses.${comparisons} All that was measured is in ${beside.join(", ")}, where these lie beside this page.</p>
</section>`;
}

/** A link to a table. In base64 it is shorter than with escapes. */
function download(name: string, csv: string): string {
  const text = Buffer.from(csv, "utf8").toString("base64");
  return `<a href="data:text/csv;charset=utf-8;base64,${text}" download="${name}">${name}</a>`;
}

/** Numbers with seven digits, which is more than their errors leave certain and keeps the page small. */
export function asCsv(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const rounded = rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        typeof value === "number" ? Number(value.toPrecision(7)) : value,
      ]),
    ),
  );
  return csvText(rounded);
}

/** A row for each cell: its names, sizes, and the mean of each measure. */
export function cellsAsCsv(cells: readonly MeasuredCell[]): string {
  const tasks = [...new Set(cells.flatMap((cell) => Object.keys(cell.tasks ?? {})))].sort();
  const rows = cells.map((cell) => ({
    model: cell.model,
    plan: cell.plan,
    policy: cell.policy,
    strategy: cell.strategy,
    family: cell.family,
    competesAt: cell.competesAt.map(({ menu, budget }) => `${menu.join(",")}@${budget}`).join(" "),
    control: cell.control,
    grid: cell.grid,
    calibration: cell.calibration,
    seed: cell.seed,
    activations: cell.activations,
    averageBits: cell.averageBits,
    trueBytes: cell.trueBytes,
    kl: cell.kl?.mean,
    ...textColumns(cell),
    predictedKl: cell.predictedKl,
    ...(cell.klForPrediction !== undefined && { klForPrediction: cell.klForPrediction.mean }),
    klStdErr: cell.kl?.stdErr,
    sameTop: cell.kl?.sameTop,
    nll: cell.nll?.nll,
    ...Object.fromEntries(tasks.map((task) => [task, cell.tasks?.[task]?.value])),
  }));
  return asCsv(rows);
}

/** KL of each text, where there are several. */
function textColumns({ texts }: MeasuredCell): Readonly<Record<string, number>> {
  return texts.size < 2 ? {} : Object.fromEntries([...texts].map(([text, { mean }]) => [`kl of ${text}`, mean]));
}
