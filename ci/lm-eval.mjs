// lm-evaluation-harness over HTTP: what it finds of a model that `quern serve` serves must be what `quern evaluate` finds, to the last digit.
// It needs a Python with lm_eval 0.4.13 and transformers, named by QUERN_LM_EVAL_PYTHON or python3 on the path, and is skipped without one.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Checks } from "./install-packed.mjs";
import { compareReference, compareRuns, referenceOf } from "./lm-eval/compare.mjs";
import { findHarness, runHarness } from "./lm-eval/harness.mjs";
import { quern, startServer } from "./lm-eval/quern.mjs";
import { writeTasks, writeTextTasks } from "./lm-eval/tasks.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const KEY = "test-key";
const DATA = at("../test/fixtures/eval/data");

const { values: options } = parseArgs({
  options: {
    /** Folders of models; without any, fable-mixtral. */
    model: { type: "string", multiple: true, default: [at("../models/fable-mixtral")] },
    /** The data sets' original files, laid out as docs/tasks.md says. Without it: the first rows of each, which the checkout has. */
    data: { type: "string", default: DATA },
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

const MOST = { tokenizer: "remote", batch: 8, concurrent: 8 };
const COMBINATIONS = [8, 1]
  .flatMap((batch) => [8, 1].map((concurrent) => ({ batch, concurrent })))
  .flatMap((sizes) => ["remote", "huggingface"].map((tokenizer) => ({ ...sizes, tokenizer })))
  .slice(0, Number(options.combinations));
const limit = Number(options.limit);

/** Quern's own document. A sequence of the harness has room for the model's context, the token that is only predicted included: one less. */
function evaluate(model, { tasks, context, items }) {
  const args = ["evaluate", model, "--tasks", tasks.join(","), "--data", options.data, "--log-samples"];
  if (items !== undefined) args.push("--limit", String(items));
  return quern(...args, "--context", String(context - 1));
}

/** Arguments of the harness's model. It sends one token less than its `max_length`. */
function modelArguments(model, { url, context }, { tokenizer, concurrent }) {
  const own = tokenizer === "huggingface" ? { tokenizer: model } : {};
  const server = { model: basename(model), base_url: `${url}/v1/completions`, max_length: context + 1 };
  return { ...server, tokenizer_backend: tokenizer, num_concurrent: concurrent, timeout: 3600, ...own };
}

async function checkModel(checks, model, { run, tasks, further }) {
  const name = basename(model);
  const server = await startServer(model);
  const ask = (combination, asked) =>
    runHarness({ ...run, batch: combination.batch, model: modelArguments(model, server, combination), ...asked });
  try {
    const { context } = server;
    const own = await evaluate(model, { tasks, context, items: limit });
    let found;
    for (const combination of COMBINATIONS) {
      const { tokenizer, batch, concurrent } = combination;
      await checks.check(`${name}, tokenizer ${tokenizer}, batch ${batch}, concurrency ${concurrent}`, async () => {
        found = await ask(combination, { tasks, limit });
        return compareRuns(found, own);
      });
    }
    const reference = referenceOf(join(options.reference, name), model);
    if (!tasks.some((task) => reference?.has(task)))
      console.log(`${name}: no log-likelihoods by PyTorch to compare with`);
    else await checks.check(`${name} beside PyTorch`, () => compareReference(found, reference));
    await checks.check(`${name}, texts that go on, and perplexity`, () =>
      checkFurther(ask, { model, context, further }),
    );
    if (!options.full) return;
    const whole = await evaluate(model, { tasks, context });
    await checks.check(`${name}, all items, tokenizer remote, batch 8, concurrency 8`, async () =>
      compareRuns(await ask(MOST, { tasks }), whole),
    );
  } finally {
    await server.stop();
  }
}

/** The harness's other two kinds of requests. */
async function checkFurther(ask, { model, context, further }) {
  const { names, prompts, stops, most, file } = further;
  const { samples, results } = await ask(MOST, { tasks: names });
  const [generation, rolling] = names;
  for (const { doc_id: id, resps } of samples[generation]) {
    const settings = ["--temperature", "0", "--max-tokens", String(most), ...stops.flatMap((stop) => ["--stop", stop])];
    const { text } = await quern("generate", model, "--prompt", prompts[id], ...settings);
    assert.equal(resps[0][0], text, prompts[id]);
  }
  const window = ["--protocol", "rolling", "--window", String(context - 1)];
  const own = await quern("perplexity", model, "--text", file, ...window);
  const pairs = [
    ["word_perplexity", "wordPerplexity"],
    ["byte_perplexity", "bytePerplexity"],
    ["bits_per_byte", "bitsPerByte"],
  ];
  for (const [theirs, ours] of pairs)
    assert.equal(results[rolling][`${theirs},none`].toFixed(4), own[ours].toFixed(4), theirs);
  return `${prompts.length} texts equal; word perplexity ${own.wordPerplexity.toFixed(4)} in ${own.windows} windows`;
}

/** Prompts as texts, to a server that asks for a key. What begins within a word is other tokens as a text, so no task is here that loses beginnings. */
async function checkTexts(checks, model, { run, tasks }) {
  const server = await startServer(model, KEY);
  const short = tasks.filter((task) => !task.startsWith("mmlu"));
  try {
    const own = await evaluate(model, { tasks: short, context: server.context, items: limit });
    for (const batch of [1, 8])
      await checks.check(
        `${basename(model)}, prompts as texts, with a key, batch ${batch}, concurrency 8`,
        async () => {
          const given = { ...modelArguments(model, server, MOST), tokenized_requests: false, auth_token: KEY };
          return compareRuns(await runHarness({ ...run, tasks: short, limit, batch, key: KEY, model: given }), own);
        },
      );
  } finally {
    await checks.check("a server that is asked to stop ends with status 0", async () =>
      assert.equal(await server.stop(), 0),
    );
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
    const further = writeTextTasks(tasksFolder, DATA);
    const tasks = options.tasks?.split(",") ?? present;
    const run = { python, tasksFolder, scratch };
    const models = options.model.map((path) => resolve(path));
    for (const model of models) await checkModel(checks, model, { run, tasks, further });
    await checkTexts(checks, models[0], { run, tasks });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  checks.end();
}
