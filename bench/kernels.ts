/** `npm run bench -- kernels`: the kernels against what this machine can do, one thread. `--only TEXT` picks rows, `--json` prints data. */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { kernelRows } from "./kernel-rows.ts";
import { measure, type Result, STREAM_BYTES } from "./measure.ts";
import { createKernelMemory } from "./memory.ts";

const { values } = parseArgs({ options: { json: { type: "boolean" }, only: { type: "string" } } });

const percent = (share: number | undefined) => (share === undefined ? "" : `${Math.round(share * 100)} %`);

function cells({ row, figure, limit }: Result): string[] {
  const unit = row.ceiling === "read" ? "GB/s" : "GF";
  const share = figure / limit;
  const met = row.goal === undefined ? "" : share >= row.goal ? "met" : "missed";
  const measured = [`${figure.toFixed(1)} ${unit}`, `${limit.toFixed(1)} ${row.ceiling}`, percent(share)];
  return [row.kernel, row.build, row.shape, row.bits, row.group, ...measured, percent(row.goal), met];
}

const HEAD = ["kernel", "build", "shape", "weights", "group", "figure", "ceiling", "share", "goal", ""];
const WIDTHS = [13, 8, 16, 8, 8, 11, 13, 6, 6, 6];
const line = (texts: readonly string[]) =>
  texts
    .map((text, i) => text.padEnd(WIDTHS[i]))
    .join(" ")
    .trimEnd();

const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  runtime: `Node ${process.versions.node}`,
  v8: process.versions.v8,
};
const memory = createKernelMemory();
const stream = memory.arena.alloc(STREAM_BYTES);
const rows = kernelRows(stream).filter((row) => `${row.kernel} ${row.build} ${row.shape}`.includes(values.only ?? ""));
if (!values.json) {
  console.log(`${machine.cpu}, ${machine.runtime} (V8 ${machine.v8}), one thread; best of ten samples`);
  console.log(line(HEAD));
}
const results: Result[] = [];
for (const row of rows) {
  const result = await measure(memory, stream, row);
  results.push(result);
  if (!values.json) console.log(line(cells(result)));
}
if (values.json) {
  const data = results.map(({ row: { prepare: _, work: __, ...row }, figure, limit }) => ({
    ...row,
    figure,
    limit,
    share: figure / limit,
  }));
  console.log(JSON.stringify({ ...machine, rows: data }, null, 2));
}
