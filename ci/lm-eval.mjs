// lm-evaluation-harness over HTTP: what it finds of a model that `quern serve` serves must be what `quern evaluate` finds, to the last digit.
// It needs a Python with lm_eval 0.4.13 and transformers, named by QUERN_LM_EVAL_PYTHON or python3 on the path, and is skipped without one.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { Checks } from "./install-packed.mjs";
import { compareReference, compareRuns } from "./lm-eval/compare.mjs";
import { findHarness, runHarness } from "./lm-eval/harness.mjs";
import { writeTasks } from "./lm-eval/tasks.mjs";

const execute = promisify(execFile);
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const QUERN = at("../dist/cli/main.js");
const KEY = "test-key";

const { values: options } = parseArgs({
  options: {
    /** Folders of models; without any, fable-mixtral. */
    model: { type: "string", multiple: true, default: [at("../models/fable-mixtral")] },
    /** The data sets' original files, laid out as docs/tasks.md says. Without it: the first rows of each, which the checkout has. */
    data: { type: "string", default: at("../test/fixtures/eval/data") },
    /** Log-likelihoods by PyTorch, in folders with the models' names. */
    reference: { type: "string", default: at("../test/fixtures/eval") },
    /** Tasks, without it all of which there are rows. */
    tasks: { type: "string" },
    /** Items of each task in each combination. */
    limit: { type: "string", default: "20" },
    /** How many combinations of tokenizer, batch and concurrency; without it all eight. */
    combinations: { type: "string", default: "8" },
    /** Adds a combination with every item. */
    full: { type: "boolean", default: false },
    report: { type: "string" },
  },
});

const COMBINATIONS = [8, 1]
  .flatMap((batch) => [8, 1].map((concurrent) => ({ batch, concurrent })))
  .flatMap((sizes) => ["remote", "huggingface"].map((tokenizer) => ({ ...sizes, tokenizer })))
  .slice(0, Number(options.combinations));

async function startServer(model, more = []) {
  const args = [QUERN, "serve", model, "--port", "0", "--json", "--quiet", ...more];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((done) => child.once("exit", done));
  const line = await new Promise((done, fail) => {
    createInterface(child.stdout).once("line", done);
    ended.then((code) => fail(new Error(`the server of ${model} ended with ${code}`)));
  });
  const stop = () => {
    child.kill("SIGTERM");
    return ended;
  };
  return { url: JSON.parse(line).url, stop };
}

/** Quern's own document. A sequence of the harness has room for the model's context, the token that is only predicted included: one less. */
async function evaluate({ model, tasks, limit, context }) {
  const args = [QUERN, "evaluate", model, "--tasks", tasks.join(","), "--data", options.data, "--log-samples"];
  args.push("--json", "--quiet", "--context", String(context - 1));
  if (limit !== undefined) args.push("--limit", String(limit));
  const { stdout } = await execute(process.execPath, args, { maxBuffer: 2 ** 28 });
  return JSON.parse(stdout);
}

/** Arguments of the harness's model. It sends one token less than its `max_length`. */
function modelArguments({ url, model, context, tokenizer, concurrent }) {
  const own = tokenizer === "huggingface" ? { tokenizer: model } : {};
  const server = { model: basename(model), base_url: `${url}/v1/completions`, max_length: context + 1 };
  return { ...server, tokenizer_backend: tokenizer, num_concurrent: concurrent, timeout: 3600, ...own };
}

async function checkModel(checks, { model, harness, scratch, limit, tasks }) {
  const name = basename(model);
  const { url, stop } = await startServer(model);
  try {
    const { n_ctx: context } = await (await fetch(`${url}/props`)).json();
    const run = { ...harness, scratch, tasks };
    const own = await evaluate({ model, tasks, limit, context });
    let found;
    for (const combination of COMBINATIONS) {
      const { tokenizer, batch, concurrent } = combination;
      await checks.check(`${name}, tokenizer ${tokenizer}, batch ${batch}, concurrency ${concurrent}`, async () => {
        const given = modelArguments({ url, model, context, ...combination });
        found = await runHarness({ ...run, batch, limit, model: given });
        return compareRuns(found, own);
      });
    }
    await checks.check(`${name} beside PyTorch`, () => {
      const folder = join(options.reference, name);
      return compareReference(found, { folder, model }) ?? "no log-likelihoods of these weights";
    });
    if (!options.full) return;
    const whole = await evaluate({ model, tasks, context });
    await checks.check(`${name}, all items, tokenizer remote, batch 8, concurrency 8`, async () => {
      const given = modelArguments({ url, model, context, tokenizer: "remote", concurrent: 8 });
      return compareRuns(await runHarness({ ...run, batch: 8, model: given }), whole);
    });
  } finally {
    await stop();
  }
}

/** Prompts as texts, to a server that asks for a key. What begins within a word is other tokens as a text, so no task is here that loses beginnings. */
async function checkTexts(checks, { model, harness, scratch, limit, tasks }) {
  const { url, stop } = await startServer(model, ["--api-key", KEY]);
  const short = tasks.filter((task) => !task.startsWith("mmlu"));
  try {
    const headers = { authorization: `Bearer ${KEY}` };
    const { n_ctx: context } = await (await fetch(`${url}/props`, { headers })).json();
    const own = await evaluate({ model, tasks: short, limit, context });
    for (const batch of [1, 8])
      await checks.check(
        `${basename(model)}, prompts as texts, with a key, batch ${batch}, concurrency 8`,
        async () => {
          const given = modelArguments({ url, model, context, tokenizer: "remote", concurrent: 8 });
          const asked = { ...given, tokenized_requests: false, auth_token: KEY };
          return compareRuns(
            await runHarness({ ...harness, scratch, tasks: short, batch, limit, key: KEY, model: asked }),
            own,
          );
        },
      );
  } finally {
    await checks.check("a server that is asked to stop ends with status 0", async () => assert.equal(await stop(), 0));
  }
}

const checks = new Checks("lm-eval");
const { problem, python, tasks: harnessTasks } = await findHarness();
if (problem !== undefined) checks.skip(problem);
else {
  const scratch = mkdtempSync(join(tmpdir(), "quern-lm-eval-"));
  try {
    const tasksFolder = join(scratch, "tasks");
    const present = writeTasks(tasksFolder, { data: resolve(options.data), tasks: harnessTasks });
    const tasks = options.tasks?.split(",") ?? present;
    const harness = { python, tasksFolder };
    const limit = Number(options.limit);
    const models = options.model.map((path) => resolve(path));
    for (const model of models) await checkModel(checks, { model, harness, scratch, limit, tasks });
    await checkTexts(checks, { model: models[0], harness, scratch, limit, tasks });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  checks.end();
}
