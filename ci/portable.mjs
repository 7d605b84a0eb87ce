// Runs ci/suite.mjs on every runtime and holds all results to one golden file: the same bits everywhere. Then runs `quern bench` there.
// `--update` writes ci/golden.json from this run; `--report F` writes counts for the check.
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const GOLDEN = "ci/golden.json";
const BIN = "ci/node_modules";
const RUNTIMES = [
  { name: "node (this one)", command: [process.execPath], needsRelaxed: false },
  { name: "node 24", command: [`${BIN}/node24/bin/node`], needsRelaxed: true },
  { name: "deno", command: [`${BIN}/.bin/deno`, "run", "-A", "--node-modules-dir=manual"], needsRelaxed: true },
  { name: "bun", command: [`${BIN}/@oven/bun-linux-x64/bin/bun`], needsRelaxed: true },
];

execFileSync(process.execPath, ["ci/install.mjs"], { stdio: ["ignore", 2, 2] });

/** Without its build and threads a result has one value, whatever computed it. */
const keyOf = (label) => label.slice(label.indexOf(" ") + 1);
let passed = 0;
let failed = 0;
const check = (holds, sentence) => {
  if (holds) passed++;
  else {
    failed++;
    console.log(`FAILED ${sentence}`);
  }
};

/** Runs a program on a runtime. */
const run = ([command, ...args], program) =>
  spawnSync(command, [...args, ...program], {
    encoding: "utf8",
    timeout: 300_000,
    env: { ...process.env, NO_COLOR: "1" },
  });

const MODEL = "fable-mixtral";
const BENCH = ["dist/cli/main.js", "bench", `models/${MODEL}`, "--json", "--quiet", "--repeat", "2", "--matrix", "128"];
const LENGTHS = ["--prompt", "8", "--generate", "4", "--depth", "0,16"];
const TESTS = ["pp8", "tg4", "pp8 @ d16", "tg4 @ d16", "open", "first token", "gptq 128x128"];

/** `quern bench` with a tiny setting: all its tests, the golden hash, the runtime's name, ceilings and memory above 0. */
function checkBench(name, command, golden) {
  const { status, stdout, stderr } = run(command, [...BENCH, ...LENGTHS]);
  try {
    const { results, hash, runtime, ceilings, memory } = JSON.parse(stdout);
    const found = results.map(({ test }) => test).join(", ");
    check(found === TESTS.join(", "), `${name}: bench: found the tests ${found}, expected ${TESTS.join(", ")}`);
    const expected = golden[`${MODEL} f32 logits`];
    check(hash === expected, `${name}: bench: found the hash ${hash}, expected ${expected}`);
    check(runtime.startsWith(`${name.split(" ")[0]} `), `${name}: bench: found the runtime ${runtime}`);
    const figures = [
      ...Object.values(ceilings),
      ...results.map(({ mean }) => mean),
      memory.weights,
      memory.peakResident,
    ];
    check(
      figures.every((figure) => figure > 0),
      `${name}: bench: found ${figures.join(", ")}, expected numbers above 0`,
    );
  } catch {
    check(false, `${name}: bench: exit status ${status}: ${(stderr ?? "").slice(-600)}`);
  }
}

const update = process.argv.includes("--update");
let golden = update ? undefined : JSON.parse(readFileSync(GOLDEN, "utf8"));
for (const { name, command, needsRelaxed } of RUNTIMES) {
  const started = Date.now();
  const { status, stdout, stderr } = run(command, ["ci/suite.mjs"]);
  const line = (stdout ?? "").trim().split("\n").at(-1);
  let suite;
  try {
    suite = JSON.parse(line);
  } catch {
    check(false, `${name}: exit status ${status}: ${(stderr ?? "").slice(-600)}`);
    continue;
  }
  const { relaxed, results } = suite;
  check(relaxed || !needsRelaxed, `${name}: the relaxed build did not run`);
  golden ??= Object.fromEntries(Object.entries(results).map(([label, value]) => [keyOf(label), value]));
  for (const [label, value] of Object.entries(results))
    check(value === golden[keyOf(label)], `${name}: ${label}: found ${value}, expected ${golden[keyOf(label)]}`);
  const missing = Object.keys(golden).filter((key) => !Object.keys(results).some((label) => keyOf(label) === key));
  check(missing.length === 0 && Object.keys(results).length > 0, `${name}: no result for ${missing.join(", ")}`);
  checkBench(name, command, golden);
  const builds = relaxed ? "base and relaxed" : "base";
  console.log(
    `${name.padEnd(16)} ${Object.keys(results).length} results, ${builds}, ${((Date.now() - started) / 1000).toFixed(1)} s`,
  );
}
if (update) writeFileSync(GOLDEN, `${JSON.stringify(golden, null, 2)}\n`);
const report = process.argv.indexOf("--report");
if (report > 0) writeFileSync(process.argv[report + 1], JSON.stringify({ passed, failed }));
console.log(`portable: ${passed} checks passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
