// Writes which linear has how many bits in every plan of a model's study, and in the knapsack's plans between them, for the page (site/).
// `node bench/quantmoe/study/plan-bits.mjs MODEL STATISTICS`, after `npm run build`. The statistics are those of the first draw of
// `study/texts/draws.json`, with the damages that `quern plan --policy knapsack --sample-tokens 4096 --stats` keeps in them. A plan whose bytes are not those
// of its results is refused.
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { loadModel } from "quern";
import { nodeFile } from "quern/node";
import { plan, statistics } from "quern/quantize";

const RESULTS = new URL("../results/", import.meta.url);
const DRAW = "draw 0";
/** As the study's sweep measured damages. */
const SAMPLE_TOKENS = 4096;
const MENU = "knapsack:2,3,4,8";
/** Average bits of the plans between those that were measured. */
const BUDGETS = { from: 2.05, to: 4.2, step: 0.05 };
/** Least average bits between two plans of the list. */
const EPSILON = 1e-9;

const [folder, file] = process.argv.slice(2);
const name = basename(folder);
await using model = await loadModel(folder, { threads: 1 });
const known = await statistics.readStatistics(await nodeFile(file));
const SAME = { statistics: known, sampleTokens: SAMPLE_TOKENS };
const { resolved: every } = await plan(model, { policy: "uniform:2" });
const modules = Object.keys(every);

const cells = ["select", "score"].flatMap((kind) =>
  readFileSync(new URL(`${name}-${kind}.jsonl`, RESULTS), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line)),
);
const digitsOf = ({ resolved }) => modules.map((module) => resolved[module]).join("");
const plans = {};
for (const cell of cells) {
  if (cell.calibration !== DRAW || cell.refine || /^refined/.test(cell.plan) || plans[cell.plan] !== undefined)
    continue;
  const budget = /knapsack|auto/.test(cell.policy) ? `${/in (\d+) bytes/.exec(cell.plan)[1]}B` : undefined;
  const made = await plan(model, { ...SAME, policy: cell.policy, budget, seed: cell.seed });
  if (made.trueBytes !== cell.trueBytes)
    throw new Error(`${cell.plan}: found ${made.trueBytes} bytes, expected those of its results, ${cell.trueBytes}`);
  plans[cell.plan] = digitsOf(made);
}
const steps = [];
for (let budget = BUDGETS.from; budget < BUDGETS.to + EPSILON; budget += BUDGETS.step) {
  const made = await plan(model, { ...SAME, policy: MENU, budget: Number(budget.toFixed(2)) });
  steps.push({
    budget: Number(budget.toFixed(2)),
    bits: made.averageBits,
    bytes: made.trueBytes,
    plan: digitsOf(made),
  });
}
const out = new URL(`${name}-bits.json`, RESULTS);
writeFileSync(out, `${JSON.stringify({ model: name, draw: DRAW, modules, plans, steps }, null, 1)}\n`);
console.log(`${Object.keys(plans).length} plans and ${steps.length} steps in ${out.pathname}`);
