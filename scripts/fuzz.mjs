// `npm run fuzz -- AREA SECONDS [--seed N] [--from N] [--count N]`: hostile inputs for one area, or for `all` in turn. Each must end in
// a typed error or work, within 2 s of processor time and 256 MiB. They are read in a child with a limit on its memory and a
// watchdog; what fails is written to out/fuzz with the command that repeats it. The child is TypeScript that Node strips itself.
import { fork, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const LIMIT_MS = 2000;
const LIMIT_BYTES = 256 * 2 ** 20;
/** Of wall time: other work may keep an input waiting. */
const HANG_MS = 30_000;
const HEAP_MB = 1024;
/** A child starts anew after so many: memory that an engine keeps would otherwise hide what one input takes. */
const INPUTS_PER_CHILD = 5000;
const CI_NODE = "ci/node_modules/node24/bin/node";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: "string" }, from: { type: "string" }, count: { type: "string" } },
});
const names = [...readFileSync("test/fuzz/areas.ts", "utf8").matchAll(/\.\.\.\{ ([^}]*) \}/g)].flatMap(([, list]) =>
  list.split(", "),
);

function stop(message) {
  console.error(`fuzz: ${message}`);
  process.exit(2);
}

function whole(option, fallback) {
  const given = values[option] ?? fallback;
  if (!/^\d+$/.test(String(given))) stop(`--${option}: found ${given}, expected a whole number`);
  return Number(given);
}

function runtime() {
  if (existsSync(CI_NODE)) return CI_NODE;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major >= 24 || (major === 22 && minor >= 18)) return process.execPath;
  return stop(
    `found Node ${process.versions.node} and no ${CI_NODE}, expected Node >= 24 or "npm ci --prefix ci" before`,
  );
}

const [wanted, secondsText = "60"] = positionals;
const areas = wanted === "all" ? names : [wanted];
if (wanted === undefined || !areas.every((name) => names.includes(name)))
  stop(`found ${wanted === undefined ? "no area" : `"${wanted}"`}, expected all or one of ${names.join(", ")}`);
if (!(Number(secondsText) > 0)) stop(`found ${secondsText} seconds, expected a number above 0`);
const seed = whole("seed", Date.now() % 1e6);
const node = runtime();
if (spawnSync(process.execPath, ["scripts/build.mjs", "--kernels"], { stdio: ["ignore", 2, 2] }).status !== 0)
  stop("the kernels do not build");

const child = (name, from, count, folder) =>
  fork("test/fuzz/worker.ts", [name, seed, from, count, folder].map(String), {
    execPath: node,
    execArgv: ["--expose-gc", "--no-warnings", `--max-old-space-size=${HEAP_MB}`],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });

/** Why what the child told of an input is a failure, if it is one. */
function faultOf({ outcome, problem, time, bytes }) {
  if (outcome === "fault") return problem;
  if (time > LIMIT_MS) return `took ${Math.round(time)} ms, expected at most ${LIMIT_MS}`;
  if (bytes > LIMIT_BYTES) return `took ${Math.round(bytes / 2 ** 20)} MiB, expected at most ${LIMIT_BYTES / 2 ** 20}`;
  return undefined;
}

/** One child over inputs from `from` on; resolves with the number of the next input. */
function runChild(name, from, count, until, totals) {
  return new Promise((resolve) => {
    const worker = child(name, from, count, "");
    let current = from;
    let isRunning = false;
    let killed = "";
    let complaints = "";
    let watchdog;
    worker.stderr.on("data", (piece) => {
      complaints = (complaints + piece).slice(-4000);
    });
    const kill = (reason) => {
      killed = reason;
      worker.kill("SIGKILL");
    };
    worker.on("message", (message) => {
      clearTimeout(watchdog);
      if (message.done) return;
      current = message.index;
      isRunning = message.outcome === undefined;
      if (isRunning) {
        watchdog = setTimeout(() => kill(`was not done after ${HANG_MS / 1000} s`), HANG_MS);
        return;
      }
      totals.inputs++;
      totals[message.outcome] = (totals[message.outcome] ?? 0) + 1;
      if (message.time > totals.time) Object.assign(totals, { time: message.time, slowest: message.index });
      if (message.bytes > totals.bytes) Object.assign(totals, { bytes: message.bytes, largest: message.index });
      const fault = faultOf(message);
      if (fault !== undefined) totals.faults.push({ index: message.index, fault });
      if (Date.now() > until) kill("");
    });
    worker.on("exit", (code, signal) => {
      clearTimeout(watchdog);
      const isCrash = killed !== "" || (code !== 0 && signal !== "SIGKILL");
      if (isCrash && (isRunning || killed === "")) {
        totals.faults.push({ index: current, fault: killed || `the process ended (${code ?? signal})\n${complaints}` });
        // Without a single input, the area itself cannot be prepared: another try would end the same way.
        resolve(isRunning ? current + 1 : Number.POSITIVE_INFINITY);
      } else resolve(current + 1);
    });
  });
}

async function keep(name, { index, fault }) {
  const folder = `out/fuzz/${name}-${seed}-${index}`;
  mkdirSync(folder, { recursive: true });
  const saver = child(name, index, 1, folder);
  await new Promise((resolve) => saver.on("exit", resolve));
  const again = `npm run fuzz -- ${name} 60 --seed ${seed} --from ${index} --count 1`;
  writeFileSync(`${folder}/FAULT.txt`, `${again}\n\n${fault}\n`);
  console.error(`${folder}: ${fault.split("\n")[0]}\n  again: ${again}`);
}

let faults = 0;
for (const name of areas) {
  const totals = { inputs: 0, works: 0, refused: 0, time: 0, bytes: 0, faults: [] };
  const until = Date.now() + Number(secondsText) * 1000;
  const first = whole("from", 0);
  const end = first + whole("count", 1e9);
  for (let next = first; next < end && Date.now() < until; )
    next = await runChild(name, next, Math.min(INPUTS_PER_CHILD, end - next), until, totals);
  for (const fault of totals.faults.slice(0, 20)) await keep(name, fault);
  faults += totals.faults.length;
  console.log(
    `${name}: ${totals.inputs} inputs (seed ${seed}): ${totals.works} work, ${totals.refused} refused, ${totals.faults.length} faults; ` +
      `slowest ${Math.round(totals.time)} ms (${totals.slowest ?? "-"}), largest ${Math.round(totals.bytes / 2 ** 20)} MiB (${totals.largest ?? "-"})`,
  );
}
process.exit(faults === 0 ? 0 : 1);
