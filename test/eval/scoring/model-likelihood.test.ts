/** Requests to models of ours: truncation, windows of long texts, tokenizers that do not fit, what cannot be scored. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFolder, nodeTree } from "../../../src/adapter/node.ts";
import { evaluate } from "../../../src/eval/evaluation/evaluate.ts";
import { ModelLikelihood } from "../../../src/eval/scoring/model-likelihood.ts";
import { parseTask } from "../../../src/eval/tasks/parse-task.ts";
import { bytesSource, type FolderSource, filesFolder } from "../../../src/files/source.ts";
import { type LanguageModel, loadModel } from "../../../src/index.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { rowsOf } from "./plain-model.ts";

const FOLDER = repositoryFile("models/fable-mixtral");

let model: LanguageModel;
let data: FolderSource;
let likelihood: ModelLikelihood;
beforeAll(async () => {
  model = await loadModel(FOLDER);
  data = await nodeTree(repositoryFile("test/fixtures/eval/data"));
  likelihood = new ModelLikelihood(model);
});
afterAll(async () => {
  likelihood[Symbol.dispose]();
  await data.close();
  await model[Symbol.asyncDispose]();
});

/** Sum of ln p of the last `count` ids after those before them, from logits. */
async function logProbability(ids: readonly number[], count: number): Promise<number> {
  const { data: logits, vocab } = await model.logits(ids.slice(0, -1));
  let total = 0;
  for (let at = ids.length - count; at < ids.length; at++) {
    const row = logits.subarray((at - 1) * vocab, at * vocab);
    const most = Math.max(...row);
    total += row[ids[at]] - most - Math.log(row.reduce((sum, value) => sum + Math.exp(value - most), 0));
  }
  return total;
}

describe("logLikelihoods", () => {
  it("drops the beginning of what is longer than the context", async () => {
    const tokenizer = await model.tokenizer();
    const context = "The dog ran to the tree. ".repeat(90).trim();
    const [{ droppedTokens, contextTokens, continuationTokens, logLikelihood }] = await likelihood.logLikelihoods([
      { context, continuation: " The cat sat." },
    ]);
    const ids = tokenizer.encode(`${context} The cat sat.`);
    expect(contextTokens).toBe(tokenizer.encode(context).length);
    expect(continuationTokens).toBe(ids.length - (contextTokens ?? 0));
    expect(droppedTokens).toBe(ids.length - 513);
    expect(Math.abs(logLikelihood - (await logProbability(ids.slice(-513), continuationTokens ?? 0)))).toBeLessThan(
      1e-9,
    );
  });

  it("puts the start id before a continuation without context, and moves white space", async () => {
    const tokenizer = await model.tokenizer();
    const [empty, spaced, plain] = await likelihood.logLikelihoods([
      { context: "", continuation: "Once upon" },
      { context: "Once upon  ", continuation: "a time" },
      { context: "Once upon", continuation: "  a time" },
    ]);
    const ids = [0, ...tokenizer.encode("Once upon")];
    expect(Math.abs(empty.logLikelihood - (await logProbability(ids, ids.length - 1)))).toBeLessThan(1e-9);
    expect(empty.contextTokens).toBe(1);
    expect(spaced).toEqual(plain);
  });

  it("truncates MMLU's examples, whatever is asked together", async () => {
    const { tasks } = await evaluate(model, ["mmlu_college_biology"], { data });
    const { task, samples, chance, shots } = tasks[0];
    expect([task.task, chance, shots, samples.length]).toEqual(["mmlu_college_biology", 0.25, 5, 2]);
    const { loadTask } = await import("../../../src/eval/tasks/load-task.ts");
    const { items } = await loadTask(task, data);
    for (const [row, { requests }] of items.entries())
      for (const [choice, request] of requests.entries()) {
        const [found] = await likelihood.logLikelihoods([request]);
        expect(found.droppedTokens).toBeGreaterThan(0);
        expect((found.contextTokens ?? 0) + (found.continuationTokens ?? 0) - 513).toBe(found.droppedTokens);
        expect(samples[row].resps[choice]).toEqual([found.logLikelihood, found.isGreedy]);
      }
  });

  it("names the request that cannot be scored", async () => {
    const good = { context: "a", continuation: " b" };
    const ask = (continuation: string, context = "a") =>
      likelihood.logLikelihoods([good, { context, continuation }, good]);
    await expect(ask("")).rejects.toMatchObject({
      ...{ code: "USAGE", request: 1 },
      message: 'request 1: continuation: found "", expected text that adds a token to the context\'s',
      reason: 'continuation: found "", expected text that adds a token to the context\'s',
    });
    await expect(ask(" dog".repeat(600))).rejects.toMatchObject({
      ...{ code: "USAGE", request: 1 },
      message: "request 1: continuation: found 600 tokens, expected at most 512, the context",
    });
    expect(await likelihood.logLikelihoods([])).toEqual([]);
    const stop = { signal: AbortSignal.abort(new Error("enough")) };
    await expect(likelihood.logLikelihoods([good], stop)).rejects.toThrow("enough");
    await expect(likelihood.rollingLogLikelihoods(["a"], stop)).rejects.toThrow("enough");
  });
});

describe("rollingLogLikelihoods", () => {
  it("is the sum over a text, and over windows of one longer than the context", async () => {
    const tokenizer = await model.tokenizer();
    const short = "The dog ran. The cat sat on the mat.";
    const long = Array.from({ length: 180 }, (_, i) => `The cat saw ${i} dogs.`).join(" ");
    const found = await likelihood.rollingLogLikelihoods([short, long, ""]);
    const stream = [0, ...tokenizer.encode(long)];
    expect(stream.length).toBeGreaterThan(1025);
    let total = 0;
    for (let scored = 1; scored < stream.length; scored += 512) {
      const end = Math.min(scored + 512, stream.length);
      total += await logProbability(stream.slice(end - 513, end), end - scored);
    }
    const ids = [0, ...tokenizer.encode(short)];
    expect(Math.abs(found[0] - (await logProbability(ids, ids.length - 1)))).toBeLessThan(1e-9);
    expect(Math.abs(found[1] - total)).toBeLessThan(1e-8);
    expect(found[2]).toBe(0);
  });
});

describe("evaluate with a model of ours", () => {
  it("leaves out an item whose continuation is longer than the context, and scores the rest", async () => {
    const own = [
      parseTask(
        { task: "mine", files: { test: "t.jsonl" }, doc_to_text: "q", doc_to_choice: "c", doc_to_target: "t" },
        "mine.json",
      ),
    ];
    const row = { q: "The dog", c: ["ran", "sat"], t: 0 };
    const rows = [row, { ...row, c: ["ran", " dog".repeat(600)] }, row];
    const run = (...kept: readonly object[]) =>
      evaluate(model, ["mine"], { data: filesFolder("DIR", { "t.jsonl": rowsOf(kept) }), own });
    const { tasks, problems } = await run(...rows);
    expect(problems).toMatchObject([
      {
        ...{ code: "FORMAT", where: "DIR/t.jsonl: line 2" },
        message: "DIR/t.jsonl: line 2: choice 1: continuation: found 601 tokens, expected at most 512, the context",
      },
    ]);
    const alone = await run(row);
    expect(tasks[0].samples.map(({ doc_id }) => doc_id)).toEqual([0, 2]);
    for (const { resps } of tasks[0].samples) expect(resps).toEqual(alone.tasks[0].samples[0].resps);
  });

  it("refuses a tokenizer that does not fit the model", async () => {
    const files = await nodeFolder(FOLDER);
    const tokenizer = JSON.parse(readFileSync(`${FOLDER}/tokenizer.json`, "utf8"));
    const { vocab } = tokenizer.model;
    const last = Object.keys(vocab).find((word) => vocab[word] === 4095) as string;
    const plain = "Once";
    [vocab[plain], vocab[last]] = [5000, vocab[plain]];
    const other = new TextEncoder().encode(JSON.stringify(tokenizer));
    await using misfit = await loadModel({
      ...files,
      open: async (name) => (name === "tokenizer.json" ? bytesSource(name, other) : files.open(name)),
    });
    using asking = new ModelLikelihood(misfit);
    const message = expect.stringMatching(/fable-mixtral\/tokenizer\.json: found the id 5000 .* vocabulary size, 4096/);
    const expected = { code: "FORMAT", message };
    const request = { context: "Once", continuation: " upon a time" };
    await expect(asking.logLikelihoods([request])).rejects.toMatchObject(expected);
    await expect(asking.rollingLogLikelihoods(["Once upon"])).rejects.toMatchObject(expected);
    const own = [
      parseTask(
        { task: "mine", files: { test: "t.jsonl" }, doc_to_text: "Once", doc_to_choice: "c", doc_to_target: 0 },
        "mine.json",
      ),
    ];
    const folder = filesFolder("DIR", { "t.jsonl": rowsOf([{ c: ["a", "b"], Once: "Once" }]) });
    await expect(evaluate(misfit, ["mine"], { data: folder, own })).rejects.toMatchObject(expected);
  });
});
