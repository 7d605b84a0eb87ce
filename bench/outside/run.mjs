// node bench/outside/run.mjs --python PYTHON [--only TEXT] [--settings plain,default,best]: quantises the cases with GPTQModel, lets Quern score them, and
// adds a line for each to results/gptqmodel.jsonl. Cases that are there already are left out, so that it goes on where it was stopped.
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DRAWS, GRID, MODELS, PLANS, SETTINGS, TEXTS } from "./cases.mjs";

const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python" },
    only: { type: "string", default: "" },
    settings: { type: "string", default: "plain,default,best" },
  },
});
// A name is looked for in PATH, a path is one from where this runs.
const python = values.python.includes("/") ? resolve(values.python) : values.python;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const root = (path) => here(`../../${path}`);
const RESULTS = here("results/gptqmodel.jsonl");

/** Runs a program and returns what it printed. Its last line of error messages is the error's. */
function run(program, args, { input = "", cwd } = {}) {
  const environment = { OMP_NUM_THREADS: "1", GPTQMODEL_CPU_WORKERS: "2", ...process.env };
  const { stdout, stderr, status, error } = spawnSync(program, args, {
    input,
    cwd,
    env: environment,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(stderr.trim().split("\n").at(-1));
  return { stdout, said: stdout + stderr };
}

const quern = (args) =>
  JSON.parse(run(process.execPath, [root("dist/cli/main.js"), ...args, "--json", "--quiet"]).stdout);

/** The model's folder as GPTQModel reads it. */
function readable({ path, translate }, folder) {
  if (translate === undefined) return root(path);
  const translated = join(folder, "translated");
  run(python, [here(translate), root(path), translated]);
  return translated;
}

function score(output, model) {
  const scores = Object.entries(TEXTS).map(([name, args]) => {
    const options = args.map((arg) => (arg.startsWith("bench/") ? root(arg) : arg));
    const { kl, klWindows } = quern([
      "compare",
      output,
      "--reference",
      root(model.path),
      ...options,
      "--activations",
      "f32",
    ]);
    return [name, { mean: kl.mean, windows: klWindows }];
  });
  return Object.fromEntries(scores);
}

function quantise({ model, plan, settings, draw }, folder) {
  const { windows } = JSON.parse(readFileSync(root(DRAWS.file), "utf8"));
  const { bits, dynamic } = PLANS[plan];
  const config = { ...GRID, ...SETTINGS[settings], ...(dynamic && { dynamic }) };
  const first = draw * DRAWS.windows;
  const output = join(folder, "quantised");
  const started = performance.now();
  const job = {
    model: readable(MODELS[model], folder),
    output,
    windows: windows.slice(first, first + DRAWS.windows),
    bits,
    config,
  };
  // GPTQModel leaves logs where it runs.
  const { said } = run(python, [here("quantise.py")], { input: JSON.stringify(job), cwd: folder });
  const seconds = (performance.now() - started) / 1000;
  return {
    config,
    // Modules that saw too few tokens, which GPTQModel only rounds.
    rounded: said.split("fallback quantization").length - 1,
    bytes: statSync(join(output, "model.safetensors")).size,
    ...score(output, MODELS[model]),
    timing: { seconds },
  };
}

function cases() {
  const draws = Array.from({ length: DRAWS.count }, (_, draw) => draw);
  return draws.flatMap((draw) =>
    Object.keys(PLANS).flatMap((plan) =>
      values.settings
        .split(",")
        .flatMap((settings) => Object.keys(MODELS).map((model) => ({ model, plan, settings, draw }))),
    ),
  );
}

const nameOf = ({ model, plan, settings, draw }) => `${model}, ${plan}, ${settings}, draw ${draw}`;
const lines = existsSync(RESULTS) ? readFileSync(RESULTS, "utf8").split("\n").filter(Boolean) : [];
const done = new Set(lines.map((line) => nameOf(JSON.parse(line))));
const wanted = cases().filter((each) => nameOf(each).includes(values.only) && !done.has(nameOf(each)));
for (const each of wanted) {
  const folder = mkdtempSync(join(tmpdir(), "quern-outside-"));
  try {
    const found = quantise(each, folder);
    appendFileSync(RESULTS, `${JSON.stringify({ ...each, ...found })}\n`);
    console.log(
      `${nameOf(each)}: KL ${found.stories.mean.toFixed(4)} on stories, ${found.novels.mean.toFixed(4)} on novels`,
    );
  } catch (error) {
    console.log(`${nameOf(each)}: ${error.message}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
