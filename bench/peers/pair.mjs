// One model through native llama.cpp and one or more builds of Quern, side by side:
// node bench/peers/pair.mjs MODEL.gguf [--tests pp128,pp512,tg64] [--runs 5] [--dist DIST]... [--no-native] [--json]
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { benchNode, native, quernNode, ROOT } from "./engines/lineup.mjs";
import { compareEngines } from "./measure/compare.mjs";
import { parseTest } from "./measure/tests.mjs";
import { pairLines } from "./report/lines.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tests: { type: "string", default: "pp128,pp512,tg64" },
    runs: { type: "string", default: "5" },
    dist: { type: "string", multiple: true, default: [`${ROOT}dist`] },
    node: { type: "string", default: benchNode() },
    cores: { type: "string", default: "1" },
    threads: { type: "string", default: "1" },
    context: { type: "string", default: "1024" },
    batch: { type: "string" },
    "no-native": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
if (positionals.length !== 1) throw new Error(`found ${positionals.length} models, expected one GGUF file`);
const { node, cores } = values;
const threads = Number(values.threads);
const session = values.batch === undefined ? {} : { batch: Number(values.batch) };
const quern = values.dist.map((dist) =>
  quernNode({ node, cores }, resolve(dist), { name: `quern ${dist}`, threads, session }),
);
const file = resolve(positionals[0]);
const engines = values["no-native"] ? quern : [native({ node, cores }, { threads }), ...quern];
const tests = values.tests.split(",").map((name) => parseTest(name).name);
const result = await compareEngines(file, engines, {
  tests,
  runs: Number(values.runs),
  context: Number(values.context),
});
console.log(values.json ? JSON.stringify({ file, ...result }) : pairLines({ file, ...result }).join("\n"));
