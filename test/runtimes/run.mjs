// Runs the suite on every target, or on those that are named, and holds all results to one golden file: the same bits everywhere.
// `--update` writes ci/golden.json from this run; `--report F` writes counts for the check.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BENCH_ARGS, benchPairs } from "./bench-program.mjs";
import { output, TARGETS } from "./targets.mjs";

const GOLDEN = fileURLToPath(new URL("../../ci/golden.json", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { update: { type: "boolean" }, report: { type: "string" } },
});

let passed = 0;
let failed = 0;
function fail(sentence) {
  failed++;
  console.log(`FAILED ${sentence}`);
}
function check(where, found, expected) {
  if (found === expected) passed++;
  else fail(`${where}: found ${found}, expected ${expected}`);
}

function readResults(printed) {
  try {
    return JSON.parse(printed.trim().split("\n").at(-1));
  } catch (cause) {
    throw new Error(`found no results, but ${printed.slice(-600)}`, { cause });
  }
}

let golden = values.update ? undefined : JSON.parse(readFileSync(GOLDEN, "utf8"));

async function checkTarget({ name, variants, command, run }) {
  const started = Date.now();
  const found = readResults(await run());
  check(`${name}: builds and threads`, Object.keys(found).join(", "), variants.join(", "));
  for (const [variant, results] of Object.entries(found)) {
    golden ??= results;
    for (const label of new Set([...Object.keys(golden), ...Object.keys(results)]))
      check(`${name}, ${variant}: ${label}`, results[label], golden[label]);
  }
  if (command !== undefined) {
    const [program, ...args] = command;
    const pairs = benchPairs(await output(program, [...args, ...BENCH_ARGS]), name, golden);
    for (const [what, [is, expected]] of Object.entries(pairs)) check(`${name}: ${what}`, is, expected);
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`ok ${name.padEnd(28)} ${seconds.padStart(5)} s  ${Object.keys(found).join(", ")}`);
}

/** `node22` and `node` are beginnings of `node 22`. */
const isMeant = ({ name }, word) => name.replaceAll(" ", "").startsWith(word);
for (const word of positionals)
  if (!TARGETS.some((target) => isMeant(target, word)))
    fail(`target: found ${word}, expected the beginning of one of ${TARGETS.map(({ name }) => name).join("; ")}`);
const wanted = TARGETS.filter((each) => positionals.length === 0 || positionals.some((word) => isMeant(each, word)));
for (const target of wanted) {
  if (target.isMissing) console.log(`${target.name} is not installed, so nothing was run there.`);
  else await checkTarget(target).catch((error) => fail(`${target.name}: ${error.message}\n${error.stderr ?? ""}`));
}

if (values.update && failed === 0) writeFileSync(GOLDEN, `${JSON.stringify(golden, null, 2)}\n`);
if (values.report !== undefined) writeFileSync(values.report, JSON.stringify({ passed, failed }));
console.log(`runtimes: ${passed} checks passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
