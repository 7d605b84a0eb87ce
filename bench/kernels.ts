/** `npm run bench -- kernels`: speed of the kernels compared with the machine's ceilings. `--only TEXT` selects rows, `--json` prints data. */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import type { Result } from "./measure.ts";
import { SOURCES } from "./sources.ts";

/** Share of a goal that a change must not fall below. */
const HELD_SHARE = 0.8;

const { values } = parseArgs({ options: { json: { type: "boolean" }, only: { type: "string" } } });
const print = values.json ? () => {} : console.log;

function verdict({ figure, goal, void: reason }: Result): string {
  if (reason !== undefined) return reason;
  if (goal === undefined) return "";
  if (figure >= goal) return "met";
  return figure >= goal * HELD_SHARE ? "80 % met" : "missed";
}

function cells(result: Result): string[] {
  const { kernel, build, threads, shape, bits, group, figure, unit, limit, share, goal } = result;
  const goals = goal === undefined ? ["", ""] : [goal.toFixed(1), (goal * HELD_SHARE).toFixed(1)];
  const measured = [`${figure.toFixed(1)} ${unit}`, limit.toFixed(1), `${Math.round(share * 100)} %`];
  return [kernel, build, String(threads), shape, bits, group, ...measured, ...goals, verdict(result)];
}

const HEAD = ["kernel", "build", "thr", "shape", "bits", "group", "figure", "ceiling", "share", "goal", "80 %", ""];
const WIDTHS = [23, 7, 3, 21, 4, 8, 10, 7, 5, 5, 5, 8];
const line = (texts: readonly string[]) =>
  texts
    .map((text, i) => text.padEnd(WIDTHS[i]))
    .join(" ")
    .trimEnd();

const machine = {
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: cpus().length,
  runtime: `Node ${process.versions.node}`,
  v8: process.versions.v8,
};
print(`${machine.cpu}, ${machine.cores} cores, ${machine.runtime} (V8 ${machine.v8}); best of a dozen samples.`);
print(
  "Ceilings of the same samples: GB/s = v128.load sum over memory, GF = 128-bit f32 multiply and add in registers.",
);
print(line(HEAD));
const rows: Result[] = [];
for (const source of SOURCES)
  for await (const result of source((text) => text.includes(values.only ?? ""))) {
    rows.push(result);
    print(line(cells(result)));
  }
if (values.json) console.log(JSON.stringify({ ...machine, heldShare: HELD_SHARE, rows }, null, 2));
