// Runs ci/suite.mjs on every runtime and holds all results to one golden file: the same bits everywhere.
// `--update` writes ci/golden.json from this run; `--report F` writes counts for the check.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const GOLDEN = "ci/golden.json";
const BIN = "ci/node_modules";
const RUNTIMES = [
  { name: "node (this one)", command: [process.execPath, "ci/suite.mjs"], needsRelaxed: false },
  { name: "node 24", command: [`${BIN}/node24/bin/node`, "ci/suite.mjs"], needsRelaxed: true },
  {
    name: "deno",
    command: [`${BIN}/.bin/deno`, "run", "-A", "--node-modules-dir=manual", "ci/suite.mjs"],
    needsRelaxed: true,
  },
  { name: "bun", command: [`${BIN}/@oven/bun-linux-x64/bin/bun`, "ci/suite.mjs"], needsRelaxed: true },
];

if (!existsSync(`${BIN}/node24/bin/node`))
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: "ci", stdio: ["ignore", 2, 2], timeout: 300_000 });

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

const update = process.argv.includes("--update");
let golden = update ? undefined : JSON.parse(readFileSync(GOLDEN, "utf8"));
for (const { name, command, needsRelaxed } of RUNTIMES) {
  const started = Date.now();
  const env = { ...process.env, NO_COLOR: "1" };
  const { status, stdout, stderr } = spawnSync(command[0], command.slice(1), {
    encoding: "utf8",
    timeout: 300_000,
    env,
  });
  const line = (stdout ?? "").trim().split("\n").at(-1);
  let run;
  try {
    run = JSON.parse(line);
  } catch {
    check(false, `${name}: exit status ${status}: ${(stderr ?? "").slice(-600)}`);
    continue;
  }
  const { relaxed, results } = run;
  check(relaxed || !needsRelaxed, `${name}: the relaxed build did not run`);
  golden ??= Object.fromEntries(Object.entries(results).map(([label, value]) => [keyOf(label), value]));
  for (const [label, value] of Object.entries(results))
    check(value === golden[keyOf(label)], `${name}: ${label}: found ${value}, expected ${golden[keyOf(label)]}`);
  const missing = Object.keys(golden).filter((key) => !Object.keys(results).some((label) => keyOf(label) === key));
  check(missing.length === 0 && Object.keys(results).length > 0, `${name}: no result for ${missing.join(", ")}`);
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
