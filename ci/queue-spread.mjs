// Drivers and workers of a sweep over many machines, as processes.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const at = (path) => fileURLToPath(new URL(path, import.meta.url));
export const QUERN = at("../dist/cli/main.js");

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function start(args, folder, program = QUERN) {
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
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

/** Milliseconds after which a process that was asked to end, or for an answer, is taken to hang. */
const PATIENCE_MS = 90_000;

/** The exit status of a process that was asked to end. One that does not is killed, and what it said last is told. */
export async function endOf({ child, ended, stderr }, what) {
  const hangs = Symbol();
  const timer = AbortSignal.timeout(PATIENCE_MS);
  const status = await Promise.race([
    ended,
    new Promise((resolve) => timer.addEventListener("abort", () => resolve(hangs), { once: true })),
  ]);
  if (status !== hangs) return status;
  child.kill("SIGKILL");
  throw new Error(`${what}: did not end within ${PATIENCE_MS / 1000} s of being asked to: ${stderr.slice(-1000)}`);
}

/** What a driver or a worker answers for `--metrics`: numbers by name and labels. */
export async function metricsOf({ stderr }) {
  const [, url] = /metrics: (http\S+)/.exec(stderr) ?? [];
  const answer = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
  const lines = (await answer.text()).split("\n").filter((line) => /^\w/.test(line));
  return new Map(lines.map((line) => line.split(" ")).map(([name, value]) => [name, Number(value)]));
}

/** Lines of results by key, without what tells of the machine's time. */
export function linesOf(path) {
  const lines = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return new Map(lines.map(({ timing: _, ...line }) => [line.key, line]));
}

function parentOf(pid) {
  try {
    return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch {
    return undefined; // The process is gone.
  }
}

/** Workers on one queue and store. */
export class Spread {
  constructor(folder, { url, store, workers, lease }) {
    this.folder = folder;
    this.shared = ["--queue", url, "--store", store];
    this.lease = lease;
    /** What all workers said that are gone. */
    this.said = "";
    this.workers = [];
    this.add(workers);
  }

  add(workers) {
    for (let index = 0; index < workers; index++) this.workers.push(this.begin(`worker-${index}`));
  }

  /** A worker, by default of this build. */
  begin(name, { program, more = [] } = {}) {
    const own = ["--scratch", join(this.folder, name), "--jobs", "1", "--threads", "1", "--lease", String(this.lease)];
    return start(["work", ...this.shared, ...own, "--metrics", "0", ...more], this.folder, program);
  }

  drive() {
    return start(["sweep", "study.json", "--output", "spread.jsonl", ...this.shared, "--metrics", "0"], this.folder);
  }

  status() {
    const args = [QUERN, "sweep", "study.json", ...this.shared, "--status", "--json", "--quiet"];
    const text = execFileSync(process.execPath, args, { cwd: this.folder, encoding: "utf8", timeout: PATIENCE_MS });
    return JSON.parse(text);
  }

  async kill(index) {
    const { child, ended } = this.workers[index];
    child.kill("SIGKILL");
    await ended;
    this.said += this.workers[index].stderr;
    this.workers[index] = this.begin(`worker-${index}`);
  }

  /** Whether some worker has said a text. */
  hasSaid(text) {
    return this.said.includes(text) || this.workers.some(({ stderr }) => stderr.includes(text));
  }

  /** Whether a worker is in the middle of a cell: the folder of the cell's process is there, and that process is its own. */
  isInCell(index) {
    const cache = join(this.folder, `worker-${index}`, "cache");
    const lives = existsSync(cache) ? readdirSync(cache).map((name) => /^cell-(\d+)-/.exec(name)?.[1]) : [];
    return lives.some((pid) => pid !== undefined && parentOf(pid) === this.workers[index].child.pid);
  }

  async end() {
    for (const { child } of this.workers) child.kill("SIGTERM");
    return Promise.all(this.workers.map((run, index) => endOf(run, `worker ${index}`)));
  }
}
