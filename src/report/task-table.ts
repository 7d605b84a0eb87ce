/** Every plan's score in every task, between chance and the float model. */

import { type HtmlColumn, htmlTable } from "./draw/html-table.ts";
import { digits, escapeHtml } from "./draw/number-format.ts";
import { type Measured, type ModelResult, mean, measured, type PlanResult } from "./results/plan-means.ts";

interface Row {
  readonly name: string;
  readonly scores: ReadonlyMap<string, Pick<Measured, "mean"> & Partial<Measured>>;
}

/** The table; undefined for a model without tasks. */
export function taskTable({ name, float, plans }: ModelResult): string | undefined {
  const all = float === undefined ? plans : [float, ...plans];
  const known = all.flatMap(({ cells }) => cells.flatMap(({ tasks = {} }) => Object.entries(tasks)));
  if (known.length === 0) return undefined;
  const tasks = [...new Set(known.map(([task]) => task))].sort();
  const scoresOf = (task: string) => known.flatMap(([own, score]) => (own === task ? [score] : []));
  const chance = { name: "chance", scores: new Map(tasks.map((task) => [task, chanceOf(scoresOf(task))])) };
  const rows: Row[] = [chance, ...all.filter((plan) => plan.tasks !== undefined).map((plan) => rowOf(plan, tasks))];
  const columns: HtmlColumn<Row>[] = [
    { title: "plan", cell: (row) => row.name },
    ...tasks.map((task) => ({ title: task, numeric: true, cell: ({ scores }: Row) => scoreCell(scores.get(task)) })),
  ];
  const items = tasks.flatMap((task) => {
    const longest = Math.max(...scoresOf(task).map(({ outcomes }) => outcomes.length));
    return longest === 0 ? [] : [`${task} ${longest}`];
  });
  const told = items.length === 0 ? "" : ` Items: ${items.join(", ")}.`;
  const caption = `Tasks of ${name}. ±: one standard error of items and runs together.${told}`;
  return htmlTable(caption, columns, rows, { style: "plans" });
}

function chanceOf(scores: readonly { readonly chance: number }[]): { readonly mean: number } {
  return { mean: mean(scores.map(({ chance }) => chance)) };
}

function rowOf({ name, cells }: PlanResult, tasks: readonly string[]): Row {
  const scores = tasks.flatMap((task) => {
    const runs = cells.flatMap((cell) => cell.tasks?.[task] ?? []);
    const score = measured(runs.map(({ value, stdErr }) => ({ mean: value, stdErr })));
    return score === undefined ? [] : [[task, score] as const];
  });
  return { name: escapeHtml(name), scores: new Map(scores) };
}

function scoreCell(score: (Pick<Measured, "mean"> & Partial<Measured>) | undefined): string {
  const error = score?.stdErr === undefined ? "" : `<span class="below">± ${digits(score.stdErr, 3)}</span>`;
  return `${digits(score?.mean, 3)}${error}`;
}
