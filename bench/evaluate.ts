/**
 * `npm run bench -- evaluate`: what sharing common beginnings saves, task by task, on 200 items (COPA 100, MMLU 4 per subject).
 * `-- evaluate MODEL...` for other models, `--tasks A,B`, `--limit N`, `--threads N`. Data from `QUERN_SHARED` (default ../shared).
 *
 * Per task: ratio of the tokens of its requests one by one to the tokens computed (`trie` counts the trie of each item alone), the same
 * ratio of times, and tokens per second compared with plain prefill of windows as long as the task's sequences.
 */
import { parseArgs } from "node:util";
import { nodeTree } from "../src/adapter/node.ts";
import { Turns } from "../src/base/turns.ts";
import type { LikelihoodRequest } from "../src/eval/scoring/likelihood.ts";
import { ModelLikelihood } from "../src/eval/scoring/model-likelihood.ts";
import { loadTask, type TaskItem } from "../src/eval/tasks/load-task.ts";
import { findTasks } from "../src/eval/tasks/registry.ts";
import { loadModel } from "../src/index.ts";
import type { Model } from "../src/model/model.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tasks: { type: "string", default: "winogrande,copa,openbookqa,hellaswag,piqa,mmlu" },
    limit: { type: "string" },
    threads: { type: "string", default: "2" },
  },
});
const BATCH = 32;
const limitOf = (task: string) => Number(values.limit ?? (task.startsWith("mmlu") ? 4 : 200));
const data = await nodeTree(`${process.env["QUERN_SHARED"] ?? "../shared"}/data/eval`);
const turns = new Turns();

/** Seconds to score all items, either in batches or with every request from its start, and the tokens that were computed. */
async function score(model: Model, items: readonly TaskItem[], shareBeginnings: boolean) {
  using likelihood = new ModelLikelihood(model, { shareBeginnings });
  await likelihood.logLikelihoods(items[0].requests); // records the tapes
  const before = likelihood.computedTokens;
  const began = performance.now();
  for (let at = 0; at < items.length; at += BATCH)
    await likelihood.logLikelihoods(items.slice(at, at + BATCH).flatMap((item) => item.requests));
  return { seconds: (performance.now() - began) / 1000, tokens: likelihood.computedTokens - before };
}

/** Tokens per second of single windows, one after another. */
async function prefill(model: Model, length: number, seconds: number): Promise<number> {
  using session = model.session({ context: length, batch: 256, logits: "last" });
  const window = Array.from({ length }, (_, i) => (i * 7919 + 13) % 4000);
  await session.evaluate(window, turns);
  const began = performance.now();
  let tokens = 0;
  while (performance.now() - began < 1000 * seconds) {
    session.truncate(0);
    await session.evaluate(window, turns);
    tokens += length;
  }
  return tokens / ((performance.now() - began) / 1000);
}

/** Nodes of the trie of each item's own requests, and ids of all requests one by one. */
async function countTokens(model: Model, items: readonly TaskItem[]): Promise<{ trie: number; scratch: number }> {
  let [trie, scratch] = [0, 0];
  for (const { requests } of items) {
    const inputs = await inputsOf(model, requests);
    const nodes = new Set<string>();
    for (const ids of inputs) {
      scratch += ids.length;
      let path = "";
      for (const id of ids) {
        path += `${id},`;
        nodes.add(path);
      }
    }
    trie += nodes.size;
  }
  return { trie, scratch };
}

async function inputsOf(model: Model, requests: readonly LikelihoodRequest[]): Promise<readonly (readonly number[])[]> {
  const tokenizer = await model.tokenizer();
  const most = model.config.maxPositions;
  return requests.map(({ context, continuation }) =>
    tokenizer
      .encode(context + continuation)
      .slice(0, -1)
      .slice(-most),
  );
}

async function benchTask(model: Model, name: string): Promise<string[]> {
  const items: TaskItem[] = [];
  for (const { task } of findTasks([name])) items.push(...(await loadTask(task, data, { limit: limitOf(name) })).items);
  const { trie, scratch } = await countTokens(model, items);
  const requests = items.reduce((sum, item) => sum + item.requests.length, 0);
  const best = { shared: Infinity, alone: Infinity, prefill: 0 };
  let computed = 0;
  // Two rounds, with the three measurements side by side, so that the machine's noise affects all of them.
  for (let round = 0; round < 2; round++) {
    const shared = await score(model, items, true);
    computed = shared.tokens;
    best.shared = Math.min(best.shared, shared.seconds);
    best.prefill = Math.max(best.prefill, await prefill(model, Math.round(scratch / requests), 1.5));
    best.alone = Math.min(best.alone, (await score(model, items, false)).seconds);
  }
  const ratio = scratch / trie;
  const gain = best.alone / best.shared;
  const speed = computed / best.shared;
  return [
    name,
    String(items.length),
    String(scratch),
    `${trie} / ${computed}`,
    ratio.toFixed(2),
    `${best.shared.toFixed(1)} s`,
    gain.toFixed(2),
    (gain / ratio).toFixed(2),
    speed.toFixed(0),
    best.prefill.toFixed(0),
    (speed / best.prefill).toFixed(2),
  ];
}

const HEAD = [
  "task",
  "items",
  "one by one",
  "trie / computed",
  "ratio",
  "time",
  "gain",
  "of ratio",
  "tokens/s",
  "prefill",
  "share",
];
const line = (cells: readonly string[]) =>
  console.log(cells.map((cell, i) => cell.padEnd(i === 3 ? 17 : 11)).join(" "));
const models = positionals.length > 0 ? positionals : ["models/fable-mixtral", "models/fable-deepseek"];
for (const path of models) {
  const model = await loadModel(path, { threads: Number(values.threads) });
  console.log(
    `\n${path}, ${model.engine.activations} activations, ${model.engine.threads} threads, ${model.engine.runtime}, ${model.engine.kernels}`,
  );
  line(HEAD);
  for (const name of values.tasks.split(",")) line(await benchTask(model, name));
  await model[Symbol.asyncDispose]();
}
await data.close();
