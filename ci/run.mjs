// What .ci/run does: tests, type check, linter, the same kernels under Node 24 (relaxed SIMD), other runtimes, the packed package, bundlers.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { installBrowsers } from "./browsers.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const REPORTS = "out/ci";
const NODE24 = "ci/node_modules/node24/bin/node";
let passed = 0;
let failed = 0;
/** A sentence for each failure, shown again at the end: the output of a whole run is long. */
const failures = [];
/** What each step took, and what it left out. */
const seconds = [];
const notes = [];

/** Runs a command with its output shown; a failure counts as one failed test unless its report already counted some. */
function step(title, command, args, { report, minutes = 10, env = {} } = {}) {
  console.log(`\n== ${title}`);
  if (report !== undefined) rmSync(report, { force: true });
  const options = {
    stdio: ["ignore", "inherit", "inherit"],
    timeout: minutes * 60_000,
    env: { ...process.env, ...env },
  };
  const begun = performance.now();
  const { status } = spawnSync(command, args, options);
  seconds.push(`${title} ${Math.round((performance.now() - begun) / 1000)} s`);
  const counts = report === undefined ? undefined : readReport(report);
  if (counts !== undefined) {
    passed += counts.passed;
    failed += counts.failed;
    failures.push(...counts.sentences.map((sentence) => `${title}: ${sentence}`));
    notes.push(...(counts.notes ?? []).map((sentence) => `${title}: ${sentence}`));
    if (counts.passed + counts.failed === 0 && !counts.isSkipped) fail(`${title}: ran no test`);
    else if (status !== 0 && counts.failed === 0) fail(`${title}: exit status ${status}`);
  } else if (report !== undefined || status !== 0) fail(`${title}: exit status ${status}`);
  else passed++;
  return counts;
}

function fail(sentence) {
  failed++;
  failures.push(sentence);
}

/** Counts of a vitest JSON report, or of our own `{ passed, failed, notes, isSkipped }`. */
function readReport(path) {
  if (!existsSync(path)) return undefined;
  const json = JSON.parse(readFileSync(path, "utf8"));
  if (!("numPassedTests" in json)) return { ...json, sentences: [] };
  return { passed: json.numPassedTests, failed: json.numFailedTests, sentences: json.testResults.flatMap(failuresOf) };
}

/** Names and messages of the failed tests of a file in vitest's report, or what kept the file from running. */
function failuresOf({ name, status, message, assertionResults }) {
  const file = relative(process.cwd(), name);
  const tests = assertionResults.filter((test) => test.status === "failed");
  if (tests.length === 0) return status === "failed" ? [`${file}: ${message}`] : [];
  return tests.map(({ fullName, failureMessages }) => `${file}: ${fullName}: ${failureMessages.join(" | ")}`);
}

// First, since the examples of the documents are tested on the oldest Node.
execFileSync(process.execPath, ["ci/install.mjs"], { stdio: "inherit" });
installBrowsers();
mkdirSync(REPORTS, { recursive: true });
const vitestReport = (name) => ["--reporter=default", "--reporter=json", `--outputFile=${REPORTS}/${name}.json`];
step("npm test", "npm", ["test", "--", ...vitestReport("node")], { report: `${REPORTS}/node.json`, minutes: 45 });
step("type check", "npm", ["run", "--silent", "check"]);
step("lint", "npm", ["run", "--silent", "lint"]);

const rooms = ["test/kernels", "test/wasm", "test/quant", "test/model", "test/runtime", "test/fuzz/same-bits"];
// None of these tests starts programs, so that two files at a time disturb nothing.
const vitest = ["node_modules/vitest/vitest.mjs", "run", "--maxWorkers=2", ...rooms, ...vitestReport("node24")];
step("kernels under Node 24", NODE24, vitest, {
  report: `${REPORTS}/node24.json`,
  minutes: 20,
  env: { QUERN_NEEDS_RELAXED: "1" },
});
for (const [title, script] of [
  ["runtimes", "test/runtimes/run"],
  ["packed package", "ci/smoke"],
  ["package's metadata and types", "ci/lint-package"],
  ["bundlers and pages", "ci/bundlers"],
  ["engine in a worker", "ci/worker"],
  ["edge example", "ci/edge"],
  ["clients of the server", "ci/server"],
  ["lm-evaluation-harness", "ci/lm-eval"],
  ["sweep over many machines", "ci/queue"],
]) {
  const report = `${REPORTS}/${script.replaceAll("/", "-")}.json`;
  step(title, process.execPath, [`${script}.mjs`, "--report", report], { report, minutes: 20 });
}
step("API reference", "npm", ["run", "--silent", "docs:api"]);
step("build the page", "npm", ["run", "--silent", "site"]);
step("the page in Chromium and Firefox", process.execPath, ["ci/site.mjs", "--report", `${REPORTS}/site.json`], {
  report: `${REPORTS}/site.json`,
});

console.log(`\n${seconds.join(", ")}`);
for (const sentence of notes) console.log(sentence);
for (const sentence of failures) console.log(`FAILED ${sentence.slice(0, 1500)}`);
console.log(`\ntests: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
