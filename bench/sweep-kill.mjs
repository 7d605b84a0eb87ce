// node bench/sweep-kill.mjs [kills] [jobs]: kills a sweep of 40 cells again and again at random moments, restarts it, and compares it
// with an undisturbed one. Ends with 1 if the results differ, if a line is lost or doubled, or if a process outlives its sweep.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const [kills = 10, jobs = 2] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), "quern-sweep-kill-"));
const readIds = (name) => JSON.parse(readFileSync(join(ROOT, "test/fixtures/eval", name), "utf8"));

/** The float model, and 13 plans (two of them random, with two and three seeds) on three grids. */
const CONFIG = {
  models: [{ name: "fable-mixtral", path: join(ROOT, "models/fable-mixtral") }],
  calibration: [{ name: "draw", idsFile: "draw.json" }],
  grids: [
    { name: "gptq", groupSize: 64 },
    { name: "rounded", method: "rtn" },
    { name: "rounded, narrow groups", method: "rtn", groupSize: 32 },
  ],
  plans: [
    ...[2, 3, 4, 8].map((bits) => ({ name: `${bits} bits`, policy: `uniform:${bits}` })),
    { name: "attention", policy: "attention:4,base:2" },
    { name: "first", policy: "attention:4,base:2+first:2@4" },
    { name: "frequent", policy: "attention:4,base:2+frequency:2@4", control: "random experts" },
    { name: "outliers", policy: "attention:4,base:2+outlier:25%@4", control: "random linears" },
    { name: "random experts", policy: "attention:4,base:2+random-experts:2@4", seeds: [0, 1] },
    { name: "random linears", policy: "attention:4,base:2+random-linears:25%@4", seeds: [0, 1, 2] },
  ],
  metrics: [{ name: "kl", type: "kl", idsFile: "text.json", window: 64 }],
};

function prepare() {
  const windows = readIds("calibration-ids.json").windows.slice(0, 2);
  writeFileSync(join(folder, "draw.json"), JSON.stringify({ windows: windows.map((ids) => ids.slice(0, 64)) }));
  const ids = readIds("tinystories-ids.json");
  writeFileSync(join(folder, "text.json"), JSON.stringify((ids.windows?.flat() ?? ids).slice(0, 256)));
  writeFileSync(join(folder, "sweep.json"), JSON.stringify(CONFIG));
}

/** Starts the sweep. `ended` resolves to its exit status, null if it was killed. */
function start(output) {
  const args = ["dist/cli/main.js", "sweep", join(folder, "sweep.json"), "--output", output, "--jobs", String(jobs)];
  const child = spawn(process.execPath, [...args, "--quiet"], { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
  return { child, ended: new Promise((resolve) => child.on("close", resolve)) };
}

const wholeLines = (file) => (existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : []);

/** Lines by key, without the fields that may differ from run to run. */
function contentOf(file) {
  const lines = wholeLines(file).map((line) => {
    const { timing: _, ...rest } = JSON.parse(line);
    return JSON.stringify(rest);
  });
  return lines.sort();
}

/** Number of processes that still work for a sweep in our folder. */
async function survivors() {
  const { stdout } = spawn("ps", ["-eo", "args"], { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  for await (const piece of stdout) text += piece;
  return text.split("\n").filter((line) => line.includes(folder)).length;
}

function stop(message) {
  console.error(`sweep-kill: ${message}`);
  process.exitCode = 1;
}

async function undisturbed() {
  const output = join(folder, "undisturbed.jsonl");
  const started = performance.now();
  const status = await start(output).ended;
  if (status !== 0) stop(`the undisturbed sweep ended with ${status}`);
  const seconds = (performance.now() - started) / 1000;
  console.log(`undisturbed: ${wholeLines(output).length} cells in ${seconds.toFixed(0)} s`);
  return { content: contentOf(output), seconds };
}

async function disturbed(seconds) {
  const output = join(folder, "killed.jsonl");
  for (let kill = 1; kill <= kills; kill++) {
    const { child, ended } = start(output);
    // A random moment within a run that would take a tenth of the whole, its start included.
    await sleep(1000 * Math.random() * (2 * seconds) * (1 / kills));
    const isOver = child.exitCode !== null;
    child.kill("SIGKILL");
    await ended;
    await sleep(1000);
    const left = await survivors();
    if (left > 0) stop(`${left} processes outlived kill ${kill}`);
    console.log(`kill ${kill}: ${wholeLines(output).length} cells are safe${isOver ? " (it was done already)" : ""}`);
  }
  const status = await start(output).ended;
  if (status !== 0) stop(`the last run ended with ${status}`);
  return contentOf(output);
}

try {
  prepare();
  const { content, seconds } = await undisturbed();
  const found = await disturbed(seconds);
  const keys = new Set(found.map((line) => JSON.parse(line).key));
  if (keys.size !== found.length) stop(`${found.length - keys.size} cells stand twice`);
  if (JSON.stringify(found) === JSON.stringify(content)) console.log(`the same ${found.length} cells, bit for bit`);
  else stop(`${found.length} cells differ from the ${content.length} of the undisturbed sweep`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
