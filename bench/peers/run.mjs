// `npm run bench:peers`: measures all models and engines, keeps the figures in build/peers-results.json and writes docs/benchmarks.md.
// [-- --only mixtral-small,matmul] [--runs 5] [--large] [--real smol-moe.gguf] [--no-browser] [--cores 1] [--report] [--note TEXT]
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { benchNode, native, quernNode, quernPage, ROOT, wllamaPage } from "./engines/lineup.mjs";
import { QUERN_NODE20, QUERN_TWO } from "./engines/names.mjs";
import { findChromium } from "./hosts/chromium-host.mjs";

const RESULTS = `${ROOT}build/peers-results.json`;
const REPORT = `${ROOT}docs/benchmarks.md`;
const { values } = parseArgs({
  options: {
    only: { type: "string" },
    runs: { type: "string", default: "5" },
    large: { type: "boolean", default: false },
    real: { type: "string" },
    "no-browser": { type: "boolean", default: false },
    cores: { type: "string", default: "1" },
    context: { type: "string", default: "1024" },
    report: { type: "boolean", default: false },
    note: { type: "string" },
  },
});
const [runs, context] = [Number(values.runs), Number(values.context)];
const only = values.only?.split(",");

/** Installs a folder's packages from its lock, unless they are there. */
function install(folder, proof) {
  if (existsSync(`${ROOT}${folder}/node_modules/${proof}`)) return;
  console.error(`installing the packages of ${folder}`);
  const args = ["ci", "--prefix", `${ROOT}${folder}`, "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"];
  if (spawnSync("npm", args, { stdio: ["ignore", 2, 2] }).status !== 0)
    throw new Error(`the packages of ${folder} cannot be installed`);
}

/** The accuracy pass and Quern's matmul are TypeScript, so the whole bench runs in Node 24. */
function runInBenchNode() {
  const node = benchNode();
  if (Number(process.versions.node.split(".")[0]) >= 24) return;
  if (node === process.execPath) throw new Error(`found Node ${process.versions.node}, expected 24 under ci/`);
  process.exit(spawnSync(node, process.argv.slice(1), { stdio: "inherit" }).status ?? 1);
}

/** Quern on Node 20, whose engine has no relaxed SIMD, and on two threads of two cores, where there are two; both beside one thread. */
function buildsOf(place, dist) {
  const node20 = `${ROOT}ci/node_modules/node20/bin/node`;
  return [
    quernNode(place, dist),
    ...(existsSync(node20) ? [quernNode({ ...place, node: node20 }, dist, { name: QUERN_NODE20 })] : []),
    ...(cpus().length < 2
      ? []
      : [quernNode({ ...place, cores: [...cpus().keys()].join() }, dist, { name: QUERN_TWO, threads: 2 })]),
  ];
}

/** Measures a model and returns its entry of the results. */
async function measureModel(model, { place, browser, dist, peers }) {
  const { file, node: tests, pages, mostRuns = runs } = model;
  const most = { runs: Math.min(runs, mostRuns), context };
  const few = { runs: Math.min(3, runs), context };
  const inNode = [native(place), quernNode(place, dist)];
  const inPages = browser === undefined ? [] : [quernPage(browser, dist), wllamaPage(browser)];
  const entry = { date: new Date().toISOString(), file: file.split("/").at(-1) };
  entry.openings = await peers.compareOpenings(file, inNode, few);
  entry.node = await peers.compareEngines(file, [...inNode, ...inPages.slice(0, 1)], { ...most, tests });
  if (inPages.length > 0 && pages.length > 0)
    entry.pages = await peers.compareEngines(file, inPages, { ...few, tests: pages });
  if (model.accuracy) {
    const ids = model.isReal ? await peers.idsOf(file, dist) : undefined;
    entry.accuracy = await peers.compareAccuracy(file, inNode, { context, ids });
  }
  if (model.builds)
    entry.builds = await peers.compareEngines(file, buildsOf(place, dist), { ...few, tests: model.builds });
  return entry;
}

async function measure() {
  install("ci", "node24");
  install("bench/peers", "node-llama-cpp");
  runInBenchNode();
  const { MODELS, plannedModels, titleOf, REAL } = await import("./plan.mjs");
  const { describeMachine } = await import("./machine.mjs");
  const peers = {
    ...(await import("./measure/compare.mjs")),
    ...(await import("./measure/compare-accuracy.mjs")),
  };
  const chromium = values["no-browser"] ? undefined : findChromium();
  if (chromium === undefined)
    console.error("no browser is measured: found no chromium, expected the distribution's package (or CHROMIUM=path)");
  const place = { node: process.execPath, cores: values.cores };
  const browser = chromium === undefined ? undefined : { command: chromium, cores: values.cores };
  const results = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, "utf8")) : { models: {}, matmul: {} };
  results.machine = describeMachine({ node: place.node, chromium });
  results.runs = runs;
  const save = () => {
    const measured = MODELS.map(titleOf).filter((title) => results.models[title] !== undefined);
    const models = Object.fromEntries(measured.map((title) => [title, results.models[title]]));
    writeFileSync(RESULTS, JSON.stringify({ ...results, models }));
  };
  for (const model of plannedModels({ only, real: values.real ?? REAL, large: values.large })) {
    console.error(`measuring ${titleOf(model)}`);
    try {
      results.models[titleOf(model)] = {
        commit: results.machine.commit,
        ...(await measureModel(model, { place, browser, dist: `${ROOT}dist`, peers })),
      };
      save();
    } catch (error) {
      console.error(`left out ${titleOf(model)}: ${error.message}`);
      process.exitCode = 1;
    }
  }
  if (only === undefined || only.includes("matmul")) {
    const { compareMatmul } = await import("./matmul/compare.mjs");
    for (const groupSize of [32, 128]) {
      console.error(`measuring 4-bit matmul in groups of ${groupSize}`);
      results.matmul[groupSize] = await compareMatmul({ ...place, runs, groupSize });
    }
    save();
  }
}

if (!values.report) await measure();
const { benchmarksPage } = await import("./report/page.mjs");
writeFileSync(REPORT, benchmarksPage({ ...JSON.parse(readFileSync(RESULTS, "utf8")), note: values.note }));
console.log(`wrote ${REPORT}`);
