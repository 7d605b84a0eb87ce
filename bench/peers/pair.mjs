// One model through native llama.cpp and one or more builds of Quern, side by side:
// node bench/peers/pair.mjs MODEL.gguf [--tests pp128,pp512,tg64] [--runs 5] [--dist DIST]... [--no-native] [--json]
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { startProcess } from "./hosts/process-host.mjs";
import { compareEngines } from "./measure/compare.mjs";
import { parseTest } from "./measure/tests.mjs";
import { pairLines } from "./report/lines.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tests: { type: "string", default: "pp128,pp512,tg64" },
    runs: { type: "string", default: "5" },
    dist: { type: "string", multiple: true, default: [`${ROOT}dist`] },
    node: { type: "string", default: `${ROOT}ci/node_modules/node24/bin/node` },
    cores: { type: "string", default: "1" },
    threads: { type: "string", default: "1" },
    context: { type: "string", default: "1024" },
    batch: { type: "string" },
    "no-native": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
if (positionals.length !== 1) throw new Error(`found ${positionals.length} models, expected one GGUF file`);
const { cores } = values;
const node = existsSync(values.node) ? values.node : process.execPath;
const threads = Number(values.threads);
const session = values.batch === undefined ? {} : { batch: Number(values.batch) };
const quern = values.dist.map((dist) => ({
  name: `quern ${dist}`,
  start: () => startProcess({ node, engine: "quern", cores }),
  options: { dist: pathToFileURL(resolve(dist)).href, entry: "index.js", threads, session },
}));
const native = { name: "native", start: () => startProcess({ node, engine: "native", cores }), options: { threads } };
const result = await compareEngines(resolve(positionals[0]), values["no-native"] ? quern : [native, ...quern], {
  tests: values.tests.split(",").map((name) => parseTest(name).name),
  runs: Number(values.runs),
  context: Number(values.context),
});
console.log(values.json ? JSON.stringify(result) : pairLines(result).join("\n"));
