// A sweep over four workers, on Redis and on Postgres, while workers, driver and server are killed, stopped and wiped: it must end with the lines of
// the sweep on one machine. Servers that are missing here and cannot be installed are left out, and the last line says so.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Checks } from "./install-packed.mjs";
import { installServers, startPostgres, startRedis } from "./queue-servers.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const QUERN = at("../dist/cli/main.js");
const SERVERS = { redis: startRedis, postgres: startPostgres };
const WORKERS = 4;
const KILLS = 10;
/** Seconds after which a worker that is silent loses its cell. */
const LEASE = 5;
const MOST_MS = 8 * 60_000;

/** 24 cells of a second or so: models rounded to few bits, two draws of calibration text. */
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

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** The same events in each run. */
const random = (() => {
  let state = 7;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
})();

function start(args, folder) {
  const child = spawn(process.execPath, [QUERN, ...args], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  const run = { child, stderr: "", status: undefined };
  child.stderr.setEncoding("utf8").on("data", (piece) => {
    run.stderr += piece;
  });
  run.ended = new Promise((resolve) =>
    child.on("close", (status) => {
      run.status = status;
      resolve(status);
    }),
  );
  return run;
}

/** Lines of results by key, without what tells of the machine's time. */
function linesOf(path) {
  const lines = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return new Map(lines.map(({ timing: _, ...line }) => [line.key, line]));
}

class Spread {
  constructor(folder, url) {
    this.folder = folder;
    this.shared = ["--queue", url, "--store", join(folder, "store")];
    this.workers = Array.from({ length: WORKERS }, (_, index) => this.#worker(index));
  }

  #worker(index) {
    const own = [
      "--scratch",
      join(this.folder, `worker-${index}`),
      "--jobs",
      "1",
      "--threads",
      "1",
      "--lease",
      String(LEASE),
    ];
    return start(["work", ...this.shared, ...own, "--quiet"], this.folder);
  }

  drive() {
    return start(["sweep", "study.json", "--output", "spread.jsonl", ...this.shared, "--quiet"], this.folder);
  }

  async killWorker() {
    const index = random(WORKERS);
    this.workers[index].child.kill("SIGKILL");
    await this.workers[index].ended;
    this.workers[index] = this.#worker(index);
  }

  /** A worker that does not answer for longer than its lease goes on afterwards: two write the same result. */
  async pauseWorker() {
    const { child } = this.workers[random(WORKERS)];
    child.kill("SIGSTOP");
    await wait((LEASE + 3) * 1000);
    child.kill("SIGCONT");
  }

  async end() {
    for (const { child } of this.workers) child.kill("SIGTERM");
    return Promise.all(this.workers.map(({ ended }) => ended));
  }
}

async function checkServer(checks, name, folder, local) {
  mkdirSync(folder);
  writeFileSync(join(folder, "study.json"), JSON.stringify(STUDY));
  const server = await SERVERS[name](folder);
  const spread = new Spread(folder, server.url);
  let driver = spread.drive();
  try {
    await checks.check(`${name}: a sweep whose workers, driver and server are killed ends`, async () => {
      const events = [
        ...Array.from({ length: KILLS }, () => () => spread.killWorker()),
        () => spread.pauseWorker(),
        () => server.wipe(),
        async () => {
          await server.kill();
          await wait(1000);
          await server.start();
        },
        async () => {
          driver.child.kill("SIGKILL");
          await driver.ended;
          driver = spread.drive();
        },
      ];
      const begun = Date.now();
      while (driver.status === undefined || events.length > 0) {
        if (Date.now() - begun > MOST_MS)
          throw new Error(`not done after ${MOST_MS / 60_000} minutes: ${driver.stderr}`);
        if (driver.status !== undefined) break;
        await wait(500 + random(1500));
        if (events.length > 0) await events.splice(random(events.length), 1)[0]();
      }
      console.log(`${name}: ${events.length} events were left when the sweep was done`);
      assert.equal(await driver.ended, 0, driver.stderr);
    });
    await checks.check(`${name}: results are those of one machine`, () => {
      assert.deepEqual(linesOf(join(folder, "spread.jsonl")), local);
    });
    await checks.check(`${name}: workers end when they are asked to`, async () => {
      assert.deepEqual(
        await spread.end(),
        Array.from({ length: WORKERS }, () => 0),
      );
    });
  } finally {
    driver.child.kill("SIGKILL");
    for (const { child } of spread.workers) child.kill("SIGKILL");
    await server.stop();
  }
}

const checks = new Checks("queue");
const asked = process.argv.slice(2).filter((name) => name in SERVERS);
const servers = installServers().filter((name) => asked.length === 0 || asked.includes(name));
const folder = mkdtempSync(join(tmpdir(), "quern-queue-"));
try {
  writeFileSync(join(folder, "study.json"), JSON.stringify(STUDY));
  const alone = start(["sweep", "study.json", "--output", "local.jsonl", "--quiet"], folder);
  assert.equal(await alone.ended, 0, alone.stderr);
  const local = linesOf(join(folder, "local.jsonl"));
  for (const name of servers) await checkServer(checks, name, join(folder, name), local);
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
const left = (asked.length > 0 ? asked : Object.keys(SERVERS)).filter((name) => !servers.includes(name));
checks.end(left.map((name) => `left out ${name}, which cannot be installed here`));
