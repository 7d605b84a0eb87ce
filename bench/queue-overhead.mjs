// node bench/queue-overhead.mjs [rounds] [jobs] [--short | --long]: what a queue and a store cost beside a sweep on one machine. Each round runs the same cells as a local sweep of JOBS
// jobs, over JOBS workers, and over twice as many, one after the other, from an empty store and with the workers' start. Processor seconds are those of all processes,
// the queue's server included, as Linux counts them for processes that have ended: other programs change them far less than they change the seconds that pass. Of those
// only the ratios within a round say something while other programs run.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "../ci/queue-servers.mjs";
import { at, linesOf, Spread, start } from "../ci/queue-spread.mjs";

const words = process.argv.slice(2);
const [rounds = 2, jobs = 2] = words.filter((word) => !word.startsWith("--")).map(Number);
/** Cells as large as those of bench/quantmoe, of half a minute each. */
const isLong = words.includes("--long");
/** Cells that only round, of a second or so: what is not a cell's own work is as large a share as it can be. */
const isShort = words.includes("--short");
const LEASE = 30;
/** Ticks of /proc in a second. */
const TICKS = 100;

/** 13 cells of a few seconds each: error feedback over four windows of 64, and a text of 512 tokens. */
const STUDY = {
  models: [{ name: "mixtral", path: at("../models/fable-mixtral") }],
  calibration: [
    { name: "draw", self: true, ...(isLong ? { samples: 32, length: 256 } : { samples: 4, length: 64 }), seed: 0 },
  ],
  grids: [isShort ? { name: "rounded", method: "rtn", clip: "none" } : { name: "default" }],
  plans: [
    ...[2, 3, 4, 8].map((bits) => ({ name: `uniform ${bits}`, policy: `uniform:${bits}` })),
    { name: "random", policy: "base:2+random-linears:9%@4", seeds: [0, 1, 2, 3, 4, 5, 6, 7] },
  ],
  metrics: [
    {
      name: "kl",
      type: "kl",
      idsFile: at("../test/fixtures/eval/tinystories-ids.json"),
      window: isLong ? 256 : 64,
      limit: isShort ? 64 : isLong ? 4096 : 512,
    },
  ],
};

/** Processor seconds of a process itself, without its cells; undefined when it is gone. */
function spentBy(pid) {
  try {
    const fields = fieldsOf(pid);
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return undefined;
  }
}

const fieldsOf = (pid) =>
  readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");

/** Processor seconds of all children of this process that have ended, with their own. */
function spentByChildren() {
  const fields = fieldsOf("self");
  return (Number(fields[13]) + Number(fields[14])) / TICKS;
}

async function measure(run) {
  const [before, begun] = [spentByChildren(), performance.now()];
  const { seconds, ...more } = (await run()) ?? {};
  const passed = seconds ?? (performance.now() - begun) / 1000;
  return { processor: spentByChildren() - before, passed, ...more };
}

async function expectDone(process_) {
  if ((await process_.ended) !== 0) throw new Error(process_.stderr);
}

/** A folder with the study, for one run. */
function folderFor(root, name) {
  const folder = join(root, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "study.json"), JSON.stringify(STUDY));
  return folder;
}

async function runLocally(folder) {
  const wish = ["--jobs", String(jobs), "--threads", String(jobs), "--quiet"];
  await expectDone(start(["sweep", "study.json", "--output", "spread.jsonl", ...wish], folder));
}

/** @returns seconds until the driver has all results, and processor seconds of driver and workers themselves. */
async function runSpread(folder, workers) {
  const server = await startRedis(folder);
  const begun = performance.now();
  const spread = new Spread(folder, { url: server.url, store: join(folder, "store"), workers, lease: LEASE });
  const driver = spread.drive();
  const spent = new Map();
  const look = () => {
    for (const { child } of [driver, ...spread.workers]) spent.set(child, spentBy(child.pid) ?? spent.get(child));
  };
  const looking = setInterval(look, 200);
  try {
    await expectDone(driver);
    const seconds = (performance.now() - begun) / 1000;
    look();
    const ofDriver = spent.get(driver.child);
    return { seconds, ofDriver, ofWorkers: [...spent.values()].reduce((sum, each) => sum + each, -ofDriver) };
  } finally {
    clearInterval(looking);
    await spread.end();
    await server.stop();
  }
}

const percent = (share) => `${share > 0 ? "+" : ""}${(100 * share).toFixed(1)} %`;
const root = mkdtempSync(join(tmpdir(), "quern-overhead-"));
try {
  for (let round = 1; round <= rounds; round++) {
    const runs = [
      { name: `${jobs} local jobs`, run: runLocally },
      { name: `${jobs} workers`, run: (folder) => runSpread(folder, jobs) },
      { name: `${2 * jobs} workers`, run: (folder) => runSpread(folder, 2 * jobs) },
    ];
    let local;
    for (const [index, { name, run }] of runs.entries()) {
      const folder = folderFor(root, `${round}-${index}`);
      const found = await measure(() => run(folder));
      local ??= { ...found, lines: linesOf(join(folder, "spread.jsonl")) };
      if (linesOf(join(folder, "spread.jsonl")).size !== local.lines.size)
        throw new Error(`${name}: cells are missing`);
      const more =
        index === 0
          ? ""
          : `, ${percent(found.processor / local.processor - 1)} and ${percent(found.passed / local.passed - 1)}; the driver itself ${found.ofDriver.toFixed(1)}, the workers ${found.ofWorkers.toFixed(1)}`;
      console.log(
        `round ${round}, ${name}: ${found.processor.toFixed(1)} processor seconds, ${found.passed.toFixed(1)} seconds${more} (load ${loadavg()[0].toFixed(1)})`,
      );
    }
  }
} finally {
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
}
