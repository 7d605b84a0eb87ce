/** Tasks on the default models, choice by choice against values computed outside this project. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeTree } from "../../../src/adapter/node.ts";
import { evaluate } from "../../../src/eval/evaluation/evaluate.ts";
import { ModelLikelihood } from "../../../src/eval/scoring/model-likelihood.ts";
import { loadTask } from "../../../src/eval/tasks/load-task.ts";
import { findTasks } from "../../../src/eval/tasks/registry.ts";
import type { FolderSource } from "../../../src/files/source.ts";
import { type LanguageModel, loadModel } from "../../../src/index.ts";
import { readJsonLines, repositoryFile } from "../../helpers/shared.ts";
import { type ExpectedItem, firstLargest } from "../scoring/expected-item.ts";

let data: FolderSource;
beforeAll(async () => {
  data = await nodeTree(repositoryFile("test/fixtures/eval/data"));
});
afterAll(() => data.close());

describe.each(["fable-mixtral", "fable-deepseek"])("evaluate %s", (name) => {
  let model: LanguageModel;
  beforeAll(async () => {
    model = await loadModel(repositoryFile(`models/${name}`));
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it.each(["copa", "openbookqa"])("%s: log-likelihoods, tokens, predictions of 50 items", async (task) => {
    const expected = readJsonLines<ExpectedItem>(repositoryFile(`test/fixtures/eval/${name}/${task}.jsonl`));
    const { items } = await loadTask(findTasks([task])[0].task, data);
    using likelihood = new ModelLikelihood(model);
    const found = await likelihood.logLikelihoods(items.flatMap(({ requests }) => requests));
    const flat = expected.flatMap(({ ll, greedy, ctxTokens, contTokens, dropped }) =>
      ll.map((logLikelihood, i) => ({
        logLikelihood: expect.closeTo(logLikelihood, 3),
        isGreedy: greedy[i],
        contextTokens: ctxTokens[i],
        continuationTokens: contTokens[i],
        droppedTokens: dropped[i],
      })),
    );
    expect(found).toEqual(flat);
    const { tasks, problems } = await evaluate(likelihood, [task], { data });
    const [{ samples, scores, total }] = tasks;
    expect(problems).toEqual([]);
    expect(total).toBe(50);
    const firsts = samples.map(({ resps }) => firstLargest(resps.map(([ll]) => ll)));
    expect(firsts).toEqual(expected.map(({ pred }) => pred));
    expect(samples.map(({ acc, target }) => ({ acc, gold: target }))).toEqual(
      expected.map(({ acc, gold }) => ({ acc, gold })),
    );
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(scores[0].value).toBeCloseTo(mean(expected.map(({ acc }) => acc)), 12);
    if (expected[0].accNorm === undefined) return;
    expect(samples.map(({ acc_norm }) => acc_norm)).toEqual(expected.map(({ accNorm }) => accNorm));
    expect(scores.map(({ metric }) => metric)).toEqual(["acc", "acc_norm"]);
    expect(scores[1].value).toBeCloseTo(mean(expected.map(({ accNorm }) => accNorm ?? Number.NaN)), 12);
  });

  it("gives the same bits for every batch and number of threads", async () => {
    const names = ["copa", "openbookqa", "winogrande"];
    const first = await evaluate(model, names, { data, limit: 4, batchSize: 1 });
    expect(first.tasks.map(({ samples }) => samples.length)).toEqual([4, 4, 2]);
    for (const batchSize of [8, 64]) expect(await evaluate(model, names, { data, limit: 4, batchSize })).toEqual(first);
    await using two = await loadModel(repositoryFile(`models/${name}`), { threads: 2 });
    expect(await evaluate(two, names, { data, limit: 4 })).toEqual(first);
  });

  it("takes what loadModel gives, and loses beginnings beyond a smaller context", async () => {
    const whole = await evaluate(model, ["copa"], { data, limit: 3 });
    const short = await evaluate(model, ["copa"], { data, limit: 3, context: 12 });
    const logs = (run: typeof whole) => run.tasks[0].samples.map(({ resps }) => resps[0][0]);
    expect(logs(whole)).not.toEqual(logs(short));
    using likelihood = new ModelLikelihood(model, { context: 4 });
    const [{ droppedTokens }] = await likelihood.logLikelihoods([
      { context: "The dog ran to the big house", continuation: " again" },
    ]);
    expect(droppedTokens).toBeGreaterThan(0);
    expect(() => new ModelLikelihood(model, { context: 513 })).toThrow("context: found 513");
  });
});
