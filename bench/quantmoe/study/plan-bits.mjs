// Writes which linear has how many bits in every plan of a model's study, and in the knapsack's plans between them, for the page (site/).
// `node bench/quantmoe/study/plan-bits.mjs MODEL STATISTICS DRAW RESULTS...`, after `npm run build`, such as
//   plan-bits.mjs models/fable-mixtral stats.safetensors "draw 0" fable-mixtral-select fable-mixtral-score
//   plan-bits.mjs models/fable-deepseek stats.safetensors all fable-deepseek-budgets
// The statistics are those of `quern calibrate` on the windows of that draw, with the damages that `quern plan --policy knapsack
// --sample-tokens 4096 --stats` keeps in them. A plan whose bytes are not those of its results is refused.
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { loadModel } from "quern";
import { nodeFile } from "quern/node";
import { plan, statistics } from "quern/quantize";

const RESULTS = new URL("../results/", import.meta.url);
/** As the study's sweeps measured damages. */
const SAMPLE_TOKENS = 4096;
const MENU = "knapsack:2,3,4,8";
/** Average bits of the knapsack's plans between those that were measured. */
const BUDGETS = { from: 2.05, to: 4.2, step: 0.05 };

const [folder, file, draw, ...files] = process.argv.slice(2);
const name = basename(folder);
const model = await loadModel(folder, { threads: 1 });
const SAME = { statistics: await statistics.readStatistics(await nodeFile(file)), sampleTokens: SAMPLE_TOKENS };
const { resolved: every } = await plan(model, { policy: "uniform:2" });
const modules = Object.keys(every);
const digitsOf = ({ resolved }) => modules.map((module) => resolved[module]).join("");

const cells = files.flatMap((each) =>
  readFileSync(new URL(`${each}.jsonl`, RESULTS), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line)),
);

/** The bytes that a knapsack or policy auto may spend: its name has them, or the plan whose bytes they are. */
function budgetOf({ plan: title, policy }) {
  if (!/knapsack|auto/.test(policy)) return undefined;
  const bytes = / in (\d+) bytes/.exec(title)?.[1];
  if (bytes !== undefined) return `${bytes}B`;
  return `${cells.find(({ plan: other }) => title === `knapsack in ${other}`).trueBytes}B`;
}

const isWanted = ({ calibration, plan: title }) => calibration === draw && !title.startsWith("refined");
const plans = {};
for (const cell of cells.filter(isWanted)) {
  if (plans[cell.plan] !== undefined) continue;
  const made = await plan(model, { ...SAME, policy: cell.policy, budget: budgetOf(cell), seed: cell.seed });
  if (made.trueBytes !== cell.trueBytes)
    throw new Error(`${cell.plan}: found ${made.trueBytes} bytes, expected those of its results, ${cell.trueBytes}`);
  plans[cell.plan] = digitsOf(made);
}
const steps = [];
const count = Math.round((BUDGETS.to - BUDGETS.from) / BUDGETS.step);
for (let i = 0; i <= count; i++) {
  const budget = Number((BUDGETS.from + i * BUDGETS.step).toFixed(2));
  const made = await plan(model, { ...SAME, policy: MENU, budget });
  steps.push({ budget, bits: made.averageBits, bytes: made.trueBytes, plan: digitsOf(made) });
}
const out = new URL(`${name}-bits.json`, RESULTS);
writeFileSync(out, `${JSON.stringify({ model: name, draw, modules, plans, steps }, null, 1)}\n`);
console.log(`${Object.keys(plans).length} plans and ${steps.length} steps in ${out.pathname}`);
await model[Symbol.asyncDispose]();
