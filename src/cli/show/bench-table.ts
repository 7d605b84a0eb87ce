/** Shows the results of a benchmark, and the ratios of two of them. */
import type { Ceiling, Ceilings } from "../../bench/ceilings.ts";
import type { BenchPaging, BenchReport, BenchResult } from "../../bench/report/bench-report.ts";
import type { BenchComparison, TestRatio } from "../../bench/report/compare-reports.ts";
import { csvText } from "../../files/csv-text.ts";
import { renderTable, type TextColumn } from "./text-table.ts";

/** How a table is printed. */
export type TableForm = "text" | "csv" | "markdown";

const CEILING_NAMES: Readonly<Record<Ceiling, string>> = {
  read: "reading memory",
  dotI8: "8-bit dots",
  dotI16: "16-bit dots",
  f32: "f32",
};

/** One line on the ceilings of this machine. */
export function ceilingsLine({ read, ...computing }: Ceilings): string {
  const parts = Object.entries(computing).map(
    ([name, rate]) => `${CEILING_NAMES[name as Ceiling]} ${giga(rate)} Gop/s`,
  );
  return `ceilings of this run: ${CEILING_NAMES.read} ${giga(read)} GB/s, ${parts.join(", ")}`;
}

const RESULT_COLUMNS: readonly TextColumn[] = [
  { title: "test" },
  { title: "mean", align: "right" },
  { title: "+-", align: "right" },
  { title: "unit" },
  { title: "n", align: "right" },
  { title: "of ceiling", align: "right" },
];

export function describeBench(report: BenchReport, form: TableForm): string {
  if (form === "csv") return csvOf(report);
  const rows = report.results.map((result) => {
    const { test, mean, sd, unit, n, share, ceiling } = result;
    const near = share === null ? "" : `${percent(share)} of ${CEILING_NAMES[ceiling as Ceiling]}`;
    return [test, figure(mean), n === 1 ? "" : figure(sd), unit, String(n), near];
  });
  const table = renderTable(RESULT_COLUMNS, rows, { markdown: form === "markdown" });
  return [...headOf(report), "", table.trimEnd(), "", ...endOf(report)].join(form === "markdown" ? "  \n" : "\n");
}

function headOf({ machine, engine, model, ceilings }: BenchReport): readonly string[] {
  const { cpu, cores } = machine;
  const threads = engine.threads === 1 ? "1 thread" : `${engine.threads} threads (patience ${engine.patience} us)`;
  const used = `${engine.runtime}, Quern ${engine.version}, ${engine.kernels} kernels (${engine.dots}), ${threads}, ${engine.activations} activations`;
  const sizes =
    model === null
      ? []
      : [
          `${model.name}: ${mega(model.activeParameters)} M of ${mega(model.parameters)} M parameters a token, ${mega(model.bytesPerToken)} MB of weights`,
        ];
  return [
    `${cpu ?? "unknown processor"}, ${cores} ${cores === 1 ? "core" : "cores"}`,
    used,
    ...sizes,
    ceilingsLine(ceilings),
  ];
}

function endOf({ memory, hash }: BenchReport): readonly string[] {
  const lines: string[] = [];
  if (memory !== null) {
    const { weights, cache, scratch, peakResident, paging } = memory;
    const peak = peakResident === null ? "" : `, peak of the process ${mega(peakResident)} MB`;
    lines.push(`memory: weights ${mega(weights)} MB, cache ${mega(cache)} MB, scratch ${mega(scratch)} MB${peak}`);
    if (paging !== undefined) lines.push(pagingLine(paging));
  }
  return [...lines, `hash ${hash}`];
}

function pagingLine({ limitBytes, uses, misses, readBytes }: BenchPaging): string {
  const share = uses === 0 ? 0 : (100 * misses) / uses;
  return `within ${mega(limitBytes)} MB: ${share.toFixed(1)} % of ${uses} uses of paged weights missed, ${mega(readBytes)} MB read`;
}

/** One line for each test, with what it was measured on, so that the lines of many machines make one table. */
function csvOf({ machine, runtime, engine, model, results, hash }: BenchReport): string {
  const facts = {
    model: model?.name ?? "",
    ...{ runtime, version: engine.version, kernels: engine.kernels, dots: engine.dots, threads: engine.threads },
    ...{ activations: engine.activations, cpu: machine.cpu ?? "", cores: machine.cores, hash },
  };
  const lines = results.map(({ samples: _, ...result }: BenchResult) => ({ ...result, ...facts }));
  return csvText(lines);
}

const RATIO_COLUMNS: readonly TextColumn[] = [
  { title: "test" },
  { title: "A", align: "right" },
  { title: "B", align: "right" },
  { title: "unit" },
  { title: "B / A", align: "right" },
  { title: "95 % interval", align: "right" },
  { title: "B is" },
];

export function describeComparison(
  { tests, onlyA, onlyB, hash, differences }: BenchComparison,
  form: TableForm,
): string {
  if (form === "csv") return csvText(tests.map(ratioRecord));
  const table = renderTable(RATIO_COLUMNS, tests.map(ratioCells), { markdown: form === "markdown" });
  const others = [
    ...(hash === null ? [] : [`both compute the same: hash ${hash}`]),
    ...differences.map((difference) => `differs: ${difference}`),
    ...(onlyA.length > 0 ? [`only in A: ${onlyA.join(", ")}`] : []),
    ...(onlyB.length > 0 ? [`only in B: ${onlyB.join(", ")}`] : []),
  ];
  return [table.trimEnd(), ...(others.length > 0 ? ["", ...others] : [])].join("\n");
}

const VERDICTS = { faster: "faster", slower: "slower", same: "the same: the interval contains 1" } as const;

function ratioCells({ test, unit, a, b, ratio, interval, verdict }: TestRatio): string[] {
  const ends = interval === null ? "" : `${interval[0].toFixed(3)} to ${interval[1].toFixed(3)}`;
  const is = verdict === null ? "unknown: a single sample" : VERDICTS[verdict];
  return [test, figure(a.mean), figure(b.mean), unit, ratio.toFixed(3), ends, is];
}

function ratioRecord({ test, unit, a, b, ratio, interval, verdict }: TestRatio) {
  const [low, high] = interval ?? ["", ""];
  return {
    test,
    unit,
    meanA: a.mean,
    sdA: a.sd,
    nA: a.n,
    meanB: b.mean,
    sdB: b.sd,
    nB: b.n,
    ratio,
    low,
    high,
    verdict: verdict ?? "",
  };
}

const giga = (rate: number) => (rate / 1e9).toFixed(1);
const mega = (bytes: number) => (bytes / 1e6).toFixed(1);
const percent = (share: number) => `${Math.round(100 * share)} %`;

/** Three digits that count, or all digits of the whole part. */
function figure(value: number): string {
  return value >= 100 || value === 0 ? value.toFixed(0) : value.toPrecision(3);
}
