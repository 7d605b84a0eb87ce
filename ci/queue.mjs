// Sweeps over four workers, on Redis and on Postgres, while workers, drivers and servers are killed, a worker is stopped, the queue is wiped and the store
// is full: each must end with the lines of the sweep on one machine, cell by cell. What happens is spread over as many sweeps as it takes. Servers that are
// missing here and cannot be installed are left out, and the last line says so.
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Checks } from "./install-packed.mjs";
import { installServers, startPostgres, startRedis } from "./queue-servers.mjs";
import { at, endOf, linesOf, metricsOf, Spread, start, wait } from "./queue-spread.mjs";
import { smallDisk } from "./small-disk.mjs";

const SERVERS = { redis: startRedis, postgres: startPostgres };
const WORKERS = 4;
const HAPPENS = {
  "worker killed": 20,
  "server killed": 2,
  "driver killed": 2,
  "worker stopped": 1,
  "queue wiped": 1,
  "store full": 1,
};
/** Seconds after which a worker that is silent loses its cell. */
const LEASE = 5;
const MOST_MS = 15 * 60_000;
/** Sweeps in which all of this must have happened. */
const MOST_SWEEPS = 6;
/** In which a worker that goes on writes what it has. */
const LATE_MS = 20_000;
/** Share of the time of the sweep on one machine over which all of it is spread. */
const SPREAD = 0.8;
/** Holds a sweep's store, and little more. */
const STORE_MB = 64;
const KEPT = "what was computed is kept here";
const ANOTHER_BUILD = "and this worker is of quern-sweep-";
const TOO_LARGE = "found cells that may need 1 GB, and this worker has 0.9 GB for each";
const NO_WORKER = "no worker takes such cells";
/** What a driver says of a cell that was unlucky four times. The same command tries it again. */
const UNLUCKY = "its workers ended each time that they ran it";

/** 23 cells of a second or so: models rounded to few bits, two draws of calibration text. */
const STUDY = {
  models: [{ name: "mixtral", path: at("../models/fable-mixtral") }],
  calibration: [0, 1].map((seed) => ({ name: `draw ${seed}`, self: true, samples: 1, length: 32, seed })),
  grids: [{ name: "rounded", method: "rtn", clip: "none" }],
  plans: [
    ...[2, 3, 4].map((bits) => ({ name: `uniform ${bits}`, policy: `uniform:${bits}` })),
    { name: "random", policy: "base:2+random-linears:9%@4", seeds: [0, 1, 2, 3, 4, 5, 6, 7] },
  ],
  metrics: [
    { name: "kl", type: "kl", idsFile: at("../test/fixtures/eval/tinystories-ids.json"), window: 32, limit: 64 },
  ],
};

/** The same events in each run. */
const random = (() => {
  let state = 7;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
})();

async function until(isTrue, what) {
  for (const begun = Date.now(); !isTrue(); await wait(100))
    if (Date.now() - begun > MOST_MS) throw new Error(`waited ${MOST_MS / 60_000} minutes for ${what}`);
}

/** This build under another version, which gives its cells other keys and its jobs another queue. */
function anotherBuild(folder) {
  const { version } = JSON.parse(readFileSync(at("../package.json"), "utf8"));
  cpSync(at("../dist"), join(folder, "dist"), { recursive: true });
  cpSync(at("../package.json"), join(folder, "package.json"));
  symlinkSync(at("../node_modules"), join(folder, "node_modules"));
  const chunks = join(folder, "dist/chunks");
  let changed = 0;
  for (const name of readdirSync(chunks)) {
    const text = readFileSync(join(chunks, name), "utf8");
    // Minifiers choose the quotes.
    const other = ['"', "'", "`"].reduce(
      (all, quote) => all.replaceAll(quote + version + quote, `${quote}${version}-other${quote}`),
      text,
    );
    if (other === text) continue;
    writeFileSync(join(chunks, name), other);
    changed++;
  }
  if (changed === 0) throw new Error(`found no script that has the version ${version}, expected one`);
  return join(folder, "dist/cli/main.js");
}

/** A sweep from an empty store to its end, while things happen to it. */
class Round {
  /** @param pace milliseconds between two things that happen, in the mean. */
  constructor(folder, { server, disk, pace, cells }) {
    this.pace = pace;
    this.cells = cells;
    mkdirSync(folder);
    writeFileSync(join(folder, "study.json"), JSON.stringify(STUDY));
    this.server = server;
    this.disk = disk;
    this.store = join(disk?.path ?? folder, "store");
    this.spread = new Spread(folder, { url: server.url, store: this.store, workers: 0, lease: LEASE });
    this.driver = this.spread.drive();
    this.output = join(folder, "spread.jsonl");
    this.unlucky = 0;
  }

  /** Workers that can take nothing: one of another build, and one with too little memory. The driver and `--status` tell that nobody works. */
  async checkStrangers(other) {
    const strangers = [
      { run: this.spread.begin("other-build", { program: other }), says: ANOTHER_BUILD, name: "other-build" },
      { run: this.spread.begin("small", { more: ["--memory", "900MB"] }), says: TOO_LARGE, name: "small" },
    ];
    try {
      await until(() => this.driver.stderr.includes(NO_WORKER), "a driver that finds no worker");
      const { cells, done, alone } = this.spread.status();
      assert.deepEqual([cells, done, alone.length], [this.cells, 0, 1]);
      assert.ok(alone[0].includes(`${cells} cells may need 1 GB each, and ${NO_WORKER}`), alone[0]);
      const metrics = await metricsOf(this.driver);
      assert.equal(metrics.get('quern_sweep_cells{state="waiting"}'), cells);
      for (const { run, says, name } of strangers) {
        await until(() => run.stderr.includes(says), says);
        run.child.kill("SIGTERM");
        assert.equal(await endOf(run, name), 0, run.stderr);
        assert.equal(existsSync(join(this.spread.folder, name, "studies")), false);
      }
    } finally {
      for (const { run } of strangers) run.child.kill("SIGKILL");
    }
  }

  /** What the workers that are there at the end count. */
  async checkMetrics() {
    const found = await Promise.all(this.spread.workers.map(metricsOf));
    const sum = (name) => found.reduce((all, metrics) => all + metrics.get(name), 0);
    const done = sum('quern_sweep_cells{state="done"}');
    assert.ok(done > 0 && sum("quern_sweep_cell_seconds_total") > 0, `${done} cells are done`);
    assert.equal(sum('quern_sweep_cells{state="running"}'), 0);
    assert.ok(sum("quern_sweep_stalls_total") >= 0);
  }

  /** Lets things happen at random moments until none is left or the sweep is done. @param left names, of which those that happened are removed. */
  async run(left) {
    this.spread.add(WORKERS);
    const begun = Date.now();
    for (;;) {
      if (Date.now() - begun > MOST_MS)
        throw new Error(`not done after ${MOST_MS / 60_000} minutes: ${this.driver.stderr}`);
      await wait(random(2 * this.pace));
      if (this.driver.status === 1 && this.driver.stderr.includes(UNLUCKY)) {
        this.unlucky++;
        this.driver = this.spread.drive();
      }
      if (this.driver.status !== undefined) break;
      const index = random(left.length);
      if (left.length > 0 && (await this.#happen(left[index]))) left.splice(index, 1);
    }
    assert.equal(this.driver.status, 0, this.driver.stderr);
    if (this.stopped !== undefined && !(await this.#goOn())) left.push("worker stopped");
  }

  /** @returns false for what cannot happen now. */
  async #happen(name) {
    if (name === "worker killed") {
      const others = this.spread.workers.map((_, index) => index).filter((index) => index !== this.stopped);
      await this.spread.kill(others[random(others.length)]);
    } else if (name === "worker stopped") {
      this.stopped = this.spread.workers.findIndex((_, index) => this.spread.isInCell(index));
      if (this.stopped < 0) this.stopped = undefined;
      if (this.stopped === undefined) return false;
      this.spread.workers[this.stopped].child.kill("SIGSTOP");
    } else if (name === "driver killed") {
      this.driver.child.kill("SIGKILL");
      if ((await this.driver.ended) === 0) return false;
      this.driver = this.spread.drive();
    } else if (name === "server killed") {
      await this.server.kill();
      await wait(1000);
      await this.server.start();
    } else if (name === "queue wiped") this.server.wipe();
    else return this.#fillStore();
    return true;
  }

  /** Until a worker has a result for which there is no room. */
  async #fillStore() {
    if (!existsSync(join(this.store, "results"))) return false;
    this.disk.fill();
    await until(
      () => this.spread.hasSaid(KEPT) || this.driver.status !== undefined,
      "a worker that finds the store full",
    );
    this.disk.makeRoom();
    // A driver that has just begun writes its study to the store, and ends where that is full.
    if (this.driver.status > 0 && this.driver.stderr.includes("the disk is full")) this.driver = this.spread.drive();
    return this.spread.hasSaid(KEPT);
  }

  /**
   * A worker was stopped in a cell, which another one has run since: now it writes a second result, of the same name. The server is away meanwhile, or
   * the worker might hear in time that its lease is lost.
   * @returns false if it does not, such as when it had lost its lease before it was stopped.
   */
  async #goOn() {
    const results = join(this.store, "results");
    const filesNow = () => readdirSync(results).map((name) => [name, statSync(join(results, name)).ino]);
    const before = new Map(filesNow());
    await this.server.kill();
    this.spread.workers[this.stopped].child.kill("SIGCONT");
    const isWrittenAgain = () => filesNow().some(([name, file]) => before.has(name) && before.get(name) !== file);
    for (const begun = Date.now(); !isWrittenAgain() && Date.now() - begun < LATE_MS; ) await wait(100);
    await this.server.start();
    assert.equal(readdirSync(results).length, before.size, "both results have the same name");
    return isWrittenAgain();
  }

  kill() {
    this.driver.child.kill("SIGKILL");
    for (const { child } of this.spread.workers) child.kill("SIGKILL");
  }
}

/** Names of the cells whose lines differ from those of one machine. */
function differing(path, local) {
  const found = linesOf(path);
  const keys = [...new Set([...found.keys(), ...local.keys()])];
  const isSame = (key) => {
    try {
      assert.deepEqual(found.get(key), local.get(key));
      return true;
    } catch {
      return false;
    }
  };
  return keys.filter((key) => !isSame(key));
}

async function checkServer(checks, name, folder, { local, disk, other, seconds }) {
  const begun = Date.now();
  mkdirSync(folder);
  const server = await SERVERS[name](folder);
  const left = Object.entries(HAPPENS).flatMap(([what, times]) => Array.from({ length: times }, () => what));
  if (disk === undefined) left.splice(left.indexOf("store full"), 1);
  const all = left.length;
  const failedBefore = checks.failed;
  try {
    const pace = (SPREAD * 1000 * seconds) / all;
    for (let number = 1; number === 1 || (left.length > 0 && number <= MOST_SWEEPS); number++) {
      const before = left.length;
      const round = new Round(join(folder, `round-${number}`), { server, disk, pace, cells: local.size });
      try {
        if (number === 1)
          await checks.check(`${name}: workers of another build and of less memory take nothing and say so`, () =>
            round.checkStrangers(other),
          );
        await checks.check(`${name}: sweep ${number}, to which much happens, ends`, () => round.run(left));
        await checks.check(`${name}: sweep ${number} has the results of one machine, cell by cell`, () => {
          assert.deepEqual(differing(round.output, local), []);
          assert.equal(local.size, linesOf(round.output).size);
        });
        await checks.check(`${name}: workers tell what they have done`, () => round.checkMetrics());
        await checks.check(`${name}: workers end when they are asked to`, async () => {
          assert.deepEqual(new Set(await round.spread.end()), new Set([0]));
        });
      } finally {
        round.kill();
      }
      const unlucky =
        round.unlucky > 0 ? `; the driver began again ${round.unlucky} times for a cell that took four workers` : "";
      console.log(`${name}: ${before - left.length} of ${all} things happened in sweep ${number}${unlucky}`);
      // The next sweep begins with nothing.
      rmSync(round.store, { recursive: true, force: true });
      server.wipe();
      if (checks.failed > failedBefore) break;
    }
    await checks.check(`${name}: ${Object.entries(HAPPENS).map(([what, times]) => `${what} ${times}`)}`, () =>
      assert.deepEqual(left, []),
    );
  } finally {
    await server.stop();
  }
  console.log(`${name}: ${Math.round((Date.now() - begun) / 1000)} s`);
}

const checks = new Checks("queue");
const asked = process.argv.slice(2).filter((name) => name in SERVERS);
const servers = installServers().filter((name) => asked.length === 0 || asked.includes(name));
const folder = mkdtempSync(join(tmpdir(), "quern-queue-"));
const disk = await smallDisk(join(folder, "disk"), STORE_MB);
try {
  mkdirSync(join(folder, "other"));
  const other = anotherBuild(join(folder, "other"));
  writeFileSync(join(folder, "study.json"), JSON.stringify(STUDY));
  const begun = Date.now();
  const alone = start(["sweep", "study.json", "--output", "local.jsonl", "--quiet"], folder);
  assert.equal(await alone.ended, 0, alone.stderr);
  const seconds = (Date.now() - begun) / 1000;
  console.log(`one machine: ${seconds.toFixed(0)} s`);
  const local = linesOf(join(folder, "local.jsonl"));
  for (const name of servers) await checkServer(checks, name, join(folder, name), { local, disk, other, seconds });
} finally {
  disk?.end();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
const left = (asked.length > 0 ? asked : Object.keys(SERVERS)).filter((name) => !servers.includes(name));
const notes = left.map((name) => `left out ${name}, which cannot be installed here`);
if (disk === undefined)
  notes.push("left out the store that is full: this machine gives no disk of its own to a process");
checks.end(notes);
