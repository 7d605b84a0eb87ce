// node bench/outside/table.mjs: GPTQModel and Quern at the same plans, draws and texts, from the results in this folder, as a table of Markdown.
// Draws and windows of text are both random (significance.crossedMean), and each window is compared with itself.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { significance } from "../../dist/evaluate.js";
import { MODELS, PLANS, TEXTS } from "./cases.mjs";

/** Which settings stand against which grid. */
const PAIRS = [
  ["plain", "plain"],
  ["best", "search"],
  ["best", "default"],
  ["default", "default"],
];

function readLines(name) {
  const text = readFileSync(fileURLToPath(new URL(`results/${name}.jsonl`, import.meta.url)), "utf8");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

const theirs = readLines("gptqmodel");
const ours = readLines("quern").map((cell) => ({ ...cell, ...cell.metrics, draw: Number(cell.calibration?.slice(5)) }));
const texts = Object.keys(TEXTS);
const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Cells of both on the draws that both have, in pairs. */
function pairsOf({ model, plan, settings, grid }) {
  const cells = theirs.filter((cell) => cell.model === model && cell.plan === plan && cell.settings === settings);
  const pairs = cells.map((cell) => [
    cell,
    ours.find((own) => own.model === model && own.plan === plan && own.grid === grid && own.draw === cell.draw),
  ]);
  return pairs.filter(([, own]) => own !== undefined);
}

/** KL of both, by how much Quern's is less, and the interval of the difference, on one text. */
function onText(pairs, text) {
  const [theirs, own] = [0, 1].map((side) => average(pairs.map((pair) => pair[side][text].mean)));
  const differences = pairs.map(([their, own]) => own[text].windows.map((kl, i) => kl - their[text].windows[i]));
  const { interval } = significance.crossedMean(differences);
  const ends = interval.map((end) => end.toFixed(4)).join(" to ");
  return [`${own.toFixed(4)} / ${theirs.toFixed(4)}`, `${Math.round(100 * (1 - own / theirs))} % (${ends})`];
}

function row(choice) {
  const pairs = pairsOf(choice);
  if (pairs.length < 2) return [];
  const { model, plan, settings, grid } = choice;
  const columns = texts.flatMap((text) => onText(pairs, text));
  const bytes = `${pairs[0][1].trueBytes} / ${pairs[0][0].bytes}`;
  return [`| ${[model, plan, grid, settings, pairs.length, ...columns, bytes].join(" | ")} |`];
}

const head = [
  "model",
  "plan",
  "Quern",
  "GPTQModel",
  "draws",
  ...texts.flatMap((text) => [`KL ${text}`, "less by"]),
  "bytes",
];
console.log(`| ${head.join(" | ")} |\n|${head.map(() => "---|").join("")}`);
for (const model of Object.keys(MODELS))
  for (const [settings, grid] of PAIRS)
    for (const plan of Object.keys(PLANS)) for (const line of row({ model, plan, settings, grid })) console.log(line);
