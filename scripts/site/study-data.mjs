// Condenses the results of the study (bench/quantmoe/results) to what the page's figures need.
import { existsSync, readFileSync } from "node:fs";
import { readResults } from "../../bench/quantmoe/study/files.mjs";

const RESULTS = "bench/quantmoe/results";
/** By model: the files of results, and how a metric of KL in them is called on the page. */
const STUDIES = {
  "fable-mixtral": {
    files: ["fable-mixtral-score", "fable-mixtral-select"],
    texts: { stories: "stories", novels: "novels", selection: "rules\u2019 own text" },
  },
  "fable-deepseek": {
    files: ["fable-deepseek-score", "fable-deepseek-select"],
    texts: { stories: "stories", novels: "novels", selection: "rules\u2019 own text" },
  },
  "smol-moe": { files: ["smol-moe"], texts: { kl: "WikiText-2" } },
};
/** Plans of these strategies are shown; refined damages change too little to be seen. */
const HIDDEN = new Set(["refined knapsack"]);

const short = (value) => Number(value.toPrecision(4));

function strategyOf({ strategy, policy }) {
  if (strategy !== undefined) return strategy;
  if (/\brandom-/.test(policy)) return "random";
  if (policy.startsWith("knapsack")) return "knapsack";
  return policy.startsWith("uniform:") ? "uniform" : "rule";
}

/** KL of the same plan on a text: the mean over draws and seeds, and the mean of their standard errors. */
function klOf(cells, texts) {
  const found = Object.keys(texts).map((metric) => {
    const own = cells.map(({ metrics }) => metrics[metric]).filter((kl) => kl?.type === "kl");
    const mean = (field) => short(own.reduce((sum, kl) => sum + kl[field], 0) / own.length);
    return own.length === 0 ? null : [mean("mean"), mean("stdErr")];
  });
  return found;
}

/** Loss of each layer and kind of linear as a share of the plan's. */
function lossesOf(cells) {
  const losses = cells.find((cell) => cell.losses?.length > 0)?.losses ?? [];
  const total = losses.reduce((sum, { loss }) => sum + loss, 0);
  return losses.map(({ layer, role, projection, loss }) => [layer, role, projection, short(loss / total)]);
}

function pointsOf(cells, texts, bits) {
  const plans = new Map();
  for (const cell of cells) {
    if (cell.policy === "float" || HIDDEN.has(strategyOf(cell)) || (cell.activations ?? null) !== null) continue;
    if (!plans.has(cell.plan)) plans.set(cell.plan, []);
    plans.get(cell.plan).push(cell);
  }
  return [...plans].map(([name, own]) => ({
    name,
    policy: own[0].policy,
    strategy: strategyOf(own[0]),
    menu: own[0].competesAt?.[0]?.menu ?? null,
    bits: short(own[0].averageBits),
    bytes: own[0].trueBytes,
    kl: klOf(own, texts),
    // Random plans and rules that are not scored are dots of the curve only.
    losses: own[0].metrics.selection === undefined && strategyOf(own[0]) !== "random" ? lossesOf(own) : [],
    plan: bits?.plans[name] ?? null,
  }));
}

function modelOf(name, { files, texts }) {
  const cells = files.filter((file) => existsSync(`${RESULTS}/${file}.jsonl`)).flatMap(readResults);
  const bitsFile = `${RESULTS}/${name}-bits.json`;
  const bits = existsSync(bitsFile) ? JSON.parse(readFileSync(bitsFile, "utf8")) : undefined;
  const float = cells.find(({ policy }) => policy === "float");
  return {
    name,
    texts: Object.values(texts),
    floatBytes: float.trueBytes,
    points: pointsOf(cells, texts, bits),
    experts: float.experts.map(({ layer, expert, tokens }) => [layer, expert, tokens]),
    blocks: (float.blocks ?? []).map(({ layer, importance }) => [layer, short(importance)]),
    modules: bits?.modules ?? null,
    steps:
      bits === undefined
        ? []
        : bits.steps.map(({ budget, bits: average, bytes, plan }) => [budget, short(average), bytes, plan]),
  };
}

/** All models whose results are in the repository. */
export function studyData() {
  return { models: Object.entries(STUDIES).map(([name, study]) => modelOf(name, study)) };
}
