/** The page's data: a table of all cells to download, and the names of the files of results. */
import Papa from "papaparse";
import { escapeHtml, plural } from "./draw/number-format.ts";
import type { ResultFile } from "./provenance.ts";
import type { MeasuredCell } from "./results/read-cells.ts";

export function dataSection(files: readonly ResultFile[]): string {
  const cells = files.flatMap((file) => file.cells);
  const csv = Buffer.from(cellsAsCsv(cells), "utf8").toString("base64");
  const beside = files.map(({ name }) => `<a href="${encodeURIComponent(name)}" download>${escapeHtml(name)}</a>`);
  return `<section id="data">
<h2>Data</h2>
<p><a href="data:text/csv;base64,${csv}" download="cells.csv">cells.csv</a>: ${plural(cells.length, "cell")} in this page, a row each, without windows and \
losses. All that was measured is in ${beside.join(", ")}, where these lie beside this page.</p>
</section>`;
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
    klStdErr: cell.kl?.stdErr,
    sameTop: cell.kl?.sameTop,
    nll: cell.nll?.nll,
    ...Object.fromEntries(tasks.map((task) => [task, cell.tasks?.[task]?.value])),
  }));
  return `${Papa.unparse(rows, { newline: "\n" })}\n`;
}
