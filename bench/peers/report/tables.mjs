// Markdown tables of the bench's results.
import { NATIVE, QUERN_NODE, QUERN_NODE20, QUERN_PAGE, QUERN_TWO, WLLAMA } from "../engines/names.mjs";
import { median, showRatio, speedRatio } from "../measure/ratios.mjs";
import { parseTest } from "../measure/tests.mjs";

/** A table: `columns` are headings, with ":" after those of numbers. */
export function table(columns, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const isNumber = (column) => column.endsWith(":");
  const rule = columns.map((column) => (isNumber(column) ? "---:" : "---"));
  return [line(columns.map((column) => column.replace(/:$/, ""))), `|${rule.join("|")}|`, ...rows.map(line)].join("\n");
}

/** Tokens per second with three significant digits. */
export function speed(milliseconds, test) {
  const figure = (1000 * parseTest(test).tokens) / median(milliseconds);
  return figure < 100 ? figure.toPrecision(3) : figure.toFixed(0);
}

const seconds = (milliseconds) => {
  const value = median(milliseconds) / 1000;
  return value < 1 ? value.toFixed(3) : value.toFixed(2);
};

/** The ratios of engine `ours` to engine `theirs` in a result of `compareEngines`, by test. */
export const ratiosOf = ({ times }, ours, theirs) =>
  Object.entries(times)
    .filter(([, byEngine]) => byEngine[ours] !== undefined && byEngine[theirs] !== undefined)
    .map(([test, byEngine]) => ({ test, ...speedRatio(byEngine[ours], byEngine[theirs]) }));

/** Rows of `ours` beside `theirs`: tokens per second and ratio. */
function speedRows(title, result, ours, theirs) {
  return ratiosOf(result, ours, theirs).map((ratio, i) => {
    const byEngine = result.times[ratio.test];
    const speeds = [speed(byEngine[theirs], ratio.test), speed(byEngine[ours], ratio.test)];
    return [i === 0 ? title : "", ratio.test, ...speeds, showRatio(ratio)];
  });
}

const entries = ({ models }) => Object.entries(models);

export const nativeTable = (results) =>
  table(
    ["model", "test", "llama.cpp, tokens/s:", "Quern, tokens/s:", "Quern / llama.cpp:"],
    entries(results).flatMap(([title, { node }]) => speedRows(title, node, QUERN_NODE, NATIVE)),
  );

/** Quern in Chromium beside native llama.cpp, from the same repetitions as the table above. */
export const pageTable = (results) =>
  table(
    ["model", "test", "llama.cpp, tokens/s:", "Quern in Chromium, tokens/s:", "Quern / llama.cpp:"],
    entries(results).flatMap(([title, { node }]) => speedRows(title, node, QUERN_PAGE, NATIVE)),
  );

export const wllamaTable = (results) =>
  table(
    ["model", "test", "wllama, tokens/s:", "Quern, tokens/s:", "Quern / wllama:"],
    entries(results).flatMap(([title, { pages }]) =>
      pages === undefined ? [] : speedRows(title, pages, QUERN_PAGE, WLLAMA),
    ),
  );

/** Other builds and threads of Quern beside one thread of Node 24. */
export function buildsTable(results) {
  const rows = entries(results).flatMap(([title, { builds }]) => {
    if (builds === undefined) return [];
    return Object.entries(builds.times).map(([test, byEngine], i) => {
      const cells = [QUERN_NODE20, QUERN_TWO].flatMap((name) =>
        byEngine[name] === undefined
          ? ["", ""]
          : [speed(byEngine[name], test), showRatio(speedRatio(byEngine[name], byEngine[QUERN_NODE]))],
      );
      return [i === 0 ? title : "", test, speed(byEngine[QUERN_NODE], test), ...cells];
    });
  });
  const columns = ["Node 20, tokens/s:", "Node 20 / Node 24:", "two threads, tokens/s:", "two / one:"];
  return table(["model", "test", "Node 24, one thread, tokens/s:", ...columns], rows);
}

const MIB = 2 ** 20;

export function openingTable(results) {
  const rows = entries(results).map(([title, { openings, node }]) => {
    const firsts = (name) => openings[name].map(({ first }) => first);
    const times = [firsts(QUERN_NODE), firsts(NATIVE)];
    // Here a ratio is of times, so that less is better, as in the column before it.
    const ratio = speedRatio(times[1], times[0]);
    const peak = (name) => node.engines.find((engine) => engine.name === name).peak;
    const peaks = [peak(NATIVE), peak(QUERN_NODE)].map((bytes) => (bytes / MIB).toFixed(0));
    const share = (peak(QUERN_NODE) / peak(NATIVE)).toFixed(2);
    return [title, seconds(times[1]), seconds(times[0]), showRatio(ratio), ...peaks, share];
  });
  return table(
    [
      ...["model", "llama.cpp, first token, s:", "Quern, first token, s:", "Quern / llama.cpp:"],
      ...["llama.cpp, peak MiB:", "Quern, peak MiB:", "Quern / llama.cpp:"],
    ],
    rows,
  );
}

export function accuracyTable(results) {
  const rows = entries(results)
    .filter(([, { accuracy }]) => accuracy !== undefined)
    .map(([title, { accuracy }]) => {
      const { [NATIVE]: theirs, [QUERN_NODE]: ours } = accuracy;
      const differences = [theirs, ours].map(({ difference }) => difference.toPrecision(3));
      const ratio = (ours.difference / theirs.difference).toFixed(2);
      return [title, ...differences, ratio, ...[theirs, ours].map(({ divergence }) => divergence.toExponential(1))];
    });
  return table(
    [
      ...["model", "llama.cpp, mean difference:", "Quern, mean difference:", "Quern / llama.cpp:"],
      ...["llama.cpp, KL in nats:", "Quern, KL in nats:"],
    ],
    rows,
  );
}

/** onnxruntime-web in its faster setting beside Quern. */
export function matmulTable({ matmul }) {
  const rows = Object.values(matmul).flatMap(({ groupSize, times }) =>
    Object.entries(times).map(([count, { Quern: ours, ...others }]) => {
      const [name, theirs] = Object.entries(others).sort(([, a], [, b]) => median(a) - median(b))[0];
      const shape = count === "1" ? "GEMV" : `GEMM, ${count} rows`;
      const figures = [theirs, ours].map((milliseconds) => median(milliseconds).toFixed(2));
      return [shape, `${groupSize}`, name.split(", ")[1], ...figures, showRatio(speedRatio(ours, theirs))];
    }),
  );
  return table(
    ["4096 x 4096, 4 bits", "group:", "onnxruntime-web takes", "its ms:", "Quern, ms:", "Quern's speed / its speed:"],
    rows,
  );
}
