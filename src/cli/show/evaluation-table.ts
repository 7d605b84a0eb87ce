/** The table of an evaluation: every score with its error, the level of chance and, if there is one, the baseline's score. */
import type { BaselineRow } from "../../eval/evaluation/baseline.ts";
import type { Evaluation } from "../../eval/evaluation/evaluate.ts";
import type { Score } from "../../eval/evaluation/scores.ts";
import { renderTable, type TextColumn } from "./text-table.ts";

interface Row extends Score {
  readonly name: string;
  readonly shots: string;
  readonly items: number;
  readonly chance: number;
}

const COLUMNS: readonly TextColumn[] = [
  { title: "task" },
  { title: "shots", align: "right" },
  { title: "items", align: "right" },
  { title: "metric" },
  { title: "value", align: "right" },
  { title: "+-", align: "right" },
  { title: "95 %", align: "right" },
  { title: "chance", align: "right" },
];
const BASELINE_COLUMNS: readonly TextColumn[] = [
  { title: "baseline", align: "right" },
  { title: "difference", align: "right" },
  { title: "95 %", align: "right" },
  { title: "p", align: "right" },
];

export function evaluationTable(
  evaluation: Evaluation,
  baseline: readonly BaselineRow[] | undefined,
  options: { readonly markdown: boolean },
): string {
  const rows = rowsOf(evaluation);
  const marked = rows.some(({ atChance }) => atChance);
  const cells = rows.map((row) => {
    const found = baseline?.find(({ task, metric }) => task === row.name && metric === row.metric);
    return [...scoreCells(row), ...(baseline === undefined ? [] : baselineCells(found))];
  });
  const columns = baseline === undefined ? COLUMNS : [...COLUMNS, ...BASELINE_COLUMNS];
  const table = renderTable(columns, cells, options);
  return marked
    ? `${table}${options.markdown ? "\n" : ""}* not distinguished from guessing: the interval contains the level of chance\n`
    : table;
}

function rowsOf({ tasks, groups }: Evaluation): readonly Row[] {
  const ofTasks = tasks.flatMap(({ task, scores, shots, samples, chance }) =>
    scores.map((score) => ({ ...score, name: task.task, shots: String(shots), items: samples.length, chance })),
  );
  const ofGroups = groups.flatMap(({ name, scores, items, chance, tasks }) =>
    scores.map((score) => ({
      ...score,
      name: `${name} (${tasks.length} ${tasks.length === 1 ? "task" : "tasks"})`,
      shots: "",
      items,
      chance,
    })),
  );
  return [...ofTasks, ...ofGroups];
}

function scoreCells(row: Row): string[] {
  const { name, shots, items, metric, value, stdErr, interval, chance, atChance } = row;
  return [
    name,
    shots,
    String(items),
    metric,
    `${value.toFixed(4)}${atChance ? " *" : ""}`,
    stdErr.toFixed(4),
    span(interval, 3),
    chance === 0 || metric === "perplexity" ? "-" : chance.toFixed(3),
  ];
}

function baselineCells(row: BaselineRow | undefined): string[] {
  if (row === undefined) return ["-", "-", "-", "-"];
  const { baseline, difference, interval, mcnemar, bootstrap, shown } = row;
  return [
    baseline.toFixed(4),
    shown ? signed(difference) : `${signed(difference)}, no difference shown`,
    span(interval, 4),
    (mcnemar?.p ?? bootstrap.p).toPrecision(2),
  ];
}

function signed(value: number): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(4)}`;
}

/** An interval; a dash for that of a single item, which is infinite. */
function span([lo, hi]: readonly [number, number], digits: number): string {
  return Number.isFinite(hi - lo) ? `${lo.toFixed(digits)} to ${hi.toFixed(digits)}` : "-";
}
