// Native llama.cpp and Quern within the same limit of memory, each run in a fresh process of a new control group (Linux, root):
// node bench/peers/within.mjs MODEL.gguf [--quern FILE] --limit 2GB --memory 1.85GB --preload no-repack.so
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { parseArgs } from "node:util";
import { benchNode, native, quernNode, ROOT } from "./engines/lineup.mjs";
import { makeMemoryGroup } from "./hosts/memory-group.mjs";
import { PROMPT } from "./measure/agent.mjs";
import { vocabularyOf } from "./models/gguf-head.mjs";
import { runLine, withinLines } from "./report/within-lines.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quern: { type: "string", multiple: true },
    limit: { type: "string" },
    memory: { type: "string", multiple: true },
    preload: { type: "string" },
    cache: { type: "string", default: "cold" },
    tokens: { type: "string", default: "64" },
    parts: { type: "string", default: "2" },
    runs: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
    context: { type: "string", default: "512" },
    node: { type: "string", default: benchNode() },
    dist: { type: "string", default: `${ROOT}dist` },
    "no-native": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
if (positionals.length !== 1) throw new Error(`found ${positionals.length} models, expected one GGUF file`);
if (!["cold", "warm", "as-is"].includes(values.cache))
  throw new Error(`--cache: found "${values.cache}", expected cold, warm or as-is`);
const model = resolve(positionals[0]);
const [tokens, parts, runs] = [values.tokens, values.parts, values.runs].map(Number);

/** Bytes of "2GB". */
function bytesOf(text) {
  const [, count, unit] = /^([\d.]+)(MB|GB|MiB|GiB)$/.exec(text) ?? [];
  if (unit === undefined) throw new Error(`--limit: found "${text}", expected one like 2GB`);
  return Math.floor(Number(count) * { MB: 1e6, GB: 1e9, MiB: 2 ** 20, GiB: 2 ** 30 }[unit]);
}

/**
 * Engines by name: how one is started within a group, its options, the file that it reads, and `base`, the place of the one that it is
 * compared with: the first of as many threads.
 */
function lineup() {
  const place = { node: values.node };
  const env = values.preload === undefined ? {} : { LD_PRELOAD: resolve(values.preload) };
  const found = [];
  for (const threads of values.threads.split(",").map(Number)) {
    const base = found.length;
    const tell = threads === 1 ? "1 thread" : `${threads} threads`;
    if (!values["no-native"]) {
      const engine = (wrap) => native({ ...place, env, wrap }, { threads });
      found.push({ name: `llama.cpp, ${tell}`, base, file: model, engine });
    }
    for (const given of values.quern ?? [model]) {
      for (const memory of values.memory ?? [undefined]) {
        const limit = memory === undefined ? "" : ` --memory ${memory}`;
        const name = `Quern, ${basename(given)}${limit}, ${tell}`;
        const engine = (wrap) => quernNode({ ...place, wrap }, resolve(values.dist), { name, threads, memory });
        found.push({ name, base, file: resolve(given), engine });
      }
    }
  }
  return found;
}

const must = (command, ...args) => {
  const { status, stderr, error } = spawnSync(command, args, { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr}`);
};

/** Takes a file's pages out of the system's cache; `warm` brings them back, for this process and not for the group. */
function prepareCache(file) {
  if (values.cache === "as-is") return;
  must("sync", file); // Pages that are not written yet stay.
  must("dd", `if=${file}`, "iflag=nocache", "count=0");
  if (values.cache === "warm") must("dd", `if=${file}`, "of=/dev/null", "bs=4M");
}

const ticksPerSecond = 100;
/** Bytes that a process read from a disk so far, and its seconds of processor time for itself and in the system. */
function spent(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  const read = /^read_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))[1];
  return { read: Number(read), user: Number(fields[11]) / ticksPerSecond, system: Number(fields[12]) / ticksPerSecond };
}

const difference = (after, before) =>
  Object.fromEntries(Object.keys(after).map((key) => [key, after[key] - before[key]]));

/** What is measured now: it ends with this program, which signals end (hosts/chromium-host.mjs). */
let running;
process.on("exit", () => {
  if (running === undefined) return;
  process.kill(running.host.pid, "SIGKILL");
  running.group?.remove();
});

/** Opens the model in a fresh process and decodes; a process that is ended by the limit is a result, not an error. */
async function measure({ engine, file }) {
  prepareCache(file);
  const group = values.limit === undefined ? undefined : makeMemoryGroup(bytesOf(values.limit));
  const { start, options } = engine(group?.wrap);
  const host = await start();
  running = { host, group };
  try {
    const own = { ...options, file, vocab: vocabularyOf(model), context: Number(values.context) };
    await host.order({ call: "prepare", options: own });
    const opening = await host.order({ call: "first" });
    const decoded = [];
    for (let part = 0; part < parts; part++) {
      const before = spent(host.pid);
      const ms = await host.order({ call: "decode", count: tokens, from: PROMPT + part * tokens });
      decoded.push({ ms, ...difference(spent(host.pid), before) });
    }
    const facts = await host.order({ call: "facts" });
    return { opening, decoded, facts, peak: host.peak(), group: group?.facts() };
  } catch (error) {
    return { error: String(error.message).split("\n")[0].slice(0, 300), group: group?.facts() };
  } finally {
    await host.close();
    running = undefined;
    group?.remove();
  }
}

const engines = lineup();
const results = engines.map(() => []);
for (let run = 0; run < runs; run++) {
  const order = engines.map((_, at) => at);
  for (const at of run % 2 === 0 ? order : order.toReversed()) {
    results[at].push(await measure(engines[at]));
    console.error(`${run + 1} of ${runs}: ${runLine(engines[at].name, results[at].at(-1), tokens)}`);
  }
}

const measured = engines.map(({ name, base }, at) => ({ name, base, runs: results[at] }));
console.log(
  values.json
    ? JSON.stringify({ model, options: values, engines: measured })
    : withinLines(measured, { parts, tokens }).join("\n"),
);
