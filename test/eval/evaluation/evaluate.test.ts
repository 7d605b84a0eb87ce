/** Tasks scored by plain objects: what `evaluate` makes of answers that are known beforehand. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeTree } from "../../../src/adapter/node.ts";
import { UsageError } from "../../../src/base/errors.ts";
import { type EvaluateOptions, evaluate } from "../../../src/eval/evaluation/evaluate.ts";
import { harnessDocument } from "../../../src/eval/evaluation/harness-document.ts";
import type { LikelihoodModel } from "../../../src/eval/scoring/likelihood.ts";
import { RequestError } from "../../../src/eval/scoring/model-likelihood.ts";
import { parseTask } from "../../../src/eval/tasks/parse-task.ts";
import { type FolderSource, filesFolder } from "../../../src/files/source.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { evaluateRows, MINE, modelOf, ROWS, rowsOf, shortest } from "../scoring/plain-model.ts";

let data: FolderSource;
beforeAll(async () => {
  data = await nodeTree(repositoryFile("test/fixtures/eval/data"));
});
afterAll(() => data.close());

describe("evaluate", () => {
  it("scores any model that has the two functions", async () => {
    const { tasks, groups, problems } = await evaluateRows(shortest(), ROWS);
    expect([groups, problems]).toEqual([[], []]);
    const [{ samples, scores, chance, total, shots }] = tasks;
    expect([total, shots]).toEqual([4, 0]);
    // Lengths with the delimiter. Normalised: -9/8 < -6/5; -2, -3/2, -4/3; -4/3 < -5/4 by characters, -4/6 > -5/4 by bytes; a tie goes to the first.
    expect(samples.map(({ resps }) => resps.map(([value]) => value))).toEqual([
      [-9, -6],
      [-2, -3, -4],
      [-4, -5],
      [-5, -5],
    ]);
    expect(samples.map(({ acc, acc_norm, acc_bytes }) => [acc, acc_norm, acc_bytes])).toEqual([
      [1, 0, 0],
      [0, 1, 1],
      [0, 1, 0],
      [0, 0, 0],
    ]);
    expect(samples[0]).toMatchObject({ doc_id: 0, target: 1, doc: ROWS[0] });
    expect(chance).toBeCloseTo((1 / 2 + 1 / 3 + 1 / 2 + 1 / 2) / 4, 14);
    expect(scores.map(({ metric, value }) => [metric, value])).toEqual([
      ["acc", 1 / 4],
      ["acc_norm", 2 / 4],
      ["acc_bytes", 1 / 4],
    ]);
    expect(scores[0].stdErr).toBeCloseTo(Math.sqrt(0.75 / 3 / 4), 14);
    expect(scores.map(({ atChance }) => atChance)).toEqual([true, true, true]);
  });

  it("marks chance only where the interval holds it", async () => {
    const rows = Array.from({ length: 20 }, (_, i) => ({ q: `${i}`, c: ["yes", "no no"], t: 0 }));
    const [{ scores }] = (await evaluateRows(shortest(), rows)).tasks;
    expect(scores[0]).toMatchObject({ value: 1, stdErr: 0, atChance: false });
    const [one] = (await evaluateRows(shortest(), rows, { limit: 1 })).tasks;
    expect(one.scores[0]).toMatchObject({ value: 1, stdErr: 0, atChance: true });
  });

  it("scores a single continuation by greediness and perplexity", async () => {
    const { doc_to_choice: _, metric_list: __, ...rest } = MINE;
    const own = [
      parseTask({ ...rest, output_type: "loglikelihood", doc_to_text: "q", doc_to_target: "a" }, "mine.json"),
    ];
    const files = {
      "t.jsonl": rowsOf([
        { q: "a", a: "12" },
        { q: "b", a: "1234" },
      ]),
    };
    const folder = filesFolder("DIR", files);
    const result = await evaluate(
      modelOf(({ continuation }) => -continuation.length, true),
      ["mine"],
      { data: folder, own },
    );
    const [{ scores, samples, chance }] = result.tasks;
    expect(samples.map(({ acc, perplexity }) => [acc, perplexity])).toEqual([
      [1, -3],
      [1, -5],
    ]);
    expect(scores.map(({ metric }) => metric)).toEqual(["acc", "perplexity"]);
    expect(scores[1].value).toBeCloseTo(Math.exp(4), 10);
    expect([chance, scores[0].atChance]).toEqual([0, false]);
    const hopeless = await evaluate(
      modelOf(() => -1000),
      ["mine"],
      { data: folder, own },
    );
    expect(harnessDocument(hopeless, {}).results["mine"]).toMatchObject({ "acc,none": 0, "perplexity,none": null });
  });

  it("takes limits, shots, groups and tasks by name, each once", async () => {
    const model = shortest();
    const found = await evaluate(model, ["mmlu_stem", "copa", "mmlu_college_biology"], { data, limit: 1, shots: 1 });
    expect(found.tasks.map(({ task, total, samples }) => [task.task, total, samples.length])).toEqual([
      ["mmlu_college_biology", 2, 1],
      ["copa", 50, 1],
    ]);
    expect(found.groups).toMatchObject([
      { name: "mmlu_stem", tasks: ["mmlu_college_biology"], items: 1, chance: 0.25 },
    ]);
    expect(found.groups[0].scores[0]).toMatchObject({ metric: "acc", value: found.tasks[0].scores[0].value });
    // Subjects without files cost themselves only.
    expect(found.problems).toHaveLength(18);
    expect(new Set(found.problems.map(({ code }) => code))).toEqual(new Set(["FILE"]));
    expect(model.asked).toHaveLength(6);
    expect(model.asked[0].context.match(/Answer:/g)).toHaveLength(2);
    expect(model.asked[4].context).toMatch(/^My body cast a shadow .*\n\n/);
  });

  it("weighs tasks of a group by their items", async () => {
    const one = (task: string, path: string) => parseTask({ ...MINE, task, tag: "both", files: { test: path } }, task);
    const right = { q: "a", c: ["a", "bb"], t: 0 };
    const files = { "a.jsonl": rowsOf([right]), "b.jsonl": rowsOf([right, { ...right, t: 1 }, { ...right, t: 1 }]) };
    const own = [one("a", "a.jsonl"), one("b", "b.jsonl")];
    const { groups } = await evaluate(shortest(), ["both"], { data: filesFolder("DIR", files), own });
    expect(groups).toHaveLength(1);
    expect(groups[0]).toMatchObject({ name: "both", tasks: ["a", "b"], items: 4, chance: 0.5 });
    expect(groups[0].scores[0]).toMatchObject({ metric: "acc", value: 0.5, atChance: true });
    expect(groups[0].scores[0].stdErr).toBeCloseTo(Math.sqrt(1 / 12), 14);
  });

  it("does not take a group of single items for certain", async () => {
    const one = (task: string) => parseTask({ ...MINE, task, tag: "both", files: { test: "t.jsonl" } }, task);
    const files = { "t.jsonl": rowsOf([{ q: "a", c: ["a", "bb"], t: 0 }]) };
    const { groups } = await evaluate(shortest(), ["both"], {
      data: filesFolder("DIR", files),
      own: [one("a"), one("b")],
    });
    // The standard error of one item a task is 0, and tells nothing: 2 of 2 is what guessing gives every fourth time.
    expect(groups[0].scores[0]).toMatchObject({ value: 1, stdErr: 0, atChance: true });
    expect(groups[0].scores[0].interval[0]).toBeCloseTo(Math.sqrt(0.025), 10);
  });

  it("scores WinoGrande's rest of the sentence after each option", async () => {
    const model = modelOf(({ context }) => (context.endsWith(" Maria") || context.endsWith(" Dennis") ? -1 : -2));
    const [{ samples, scores }] = (await evaluate(model, ["winogrande"], { data })).tasks;
    expect(model.asked.map(({ continuation }) => continuation).slice(0, 2)).toEqual([
      " always got the easier cases.",
      " always got the easier cases.",
    ]);
    expect(samples[0]).toMatchObject({ target: 1, acc: 1 });
    expect(samples[0]).not.toHaveProperty("acc_norm");
    expect(scores.map(({ metric }) => metric)).toEqual(["acc"]);
  });

  it("tells of rows, tasks and items that cannot be scored, and scores the rest", async () => {
    const strict: LikelihoodModel = {
      ...shortest(),
      async logLikelihoods(requests) {
        const bad = requests.findIndex(({ continuation }) => continuation.length > 8);
        if (bad >= 0) throw new RequestError(bad, new UsageError("continuation", "too much", "less"));
        return requests.map(({ continuation }) => ({ logLikelihood: -continuation.length, isGreedy: false }));
      },
    };
    const rows = [
      ROWS[1],
      ROWS[0],
      { q: "z", c: ["a", "b"], t: 7 },
      ROWS[2],
      { ...ROWS[1], c: ["a", "b", "far too long"] },
    ];
    const first = await evaluateRows(strict, rows);
    expect(first.problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^DIR\/t\.jsonl: line 3: found 7 for doc_to_target/),
      "DIR/t.jsonl: line 2: choice 0: continuation: found too much, expected less",
      "DIR/t.jsonl: line 5: choice 2: continuation: found too much, expected less",
    ]);
    expect(first.tasks[0].samples.map(({ doc_id }) => doc_id)).toEqual([0, 3]);
    expect(first.tasks[0].total).toBe(5);
    // Of what was scored.
    expect(first.tasks[0].chance).toBeCloseTo((1 / 3 + 1 / 2) / 2, 14);
    for (const batchSize of [1, 2]) {
      const again = await evaluateRows(strict, rows, { batchSize });
      expect(again.tasks).toEqual(first.tasks);
      expect(again.problems.map(String)).toEqual(first.problems.map(String));
    }
    expect((await evaluateRows(strict, [rows[1]])).tasks).toEqual([]);
  });

  it.each<[string, string[], Omit<EvaluateOptions, "data">, string]>([
    ["a misspelt task", ["cop"], {}, 'tasks: found "cop", expected the name of a task or group, such as copa'],
    ["no items", ["copa"], { limit: 0 }, "limit: found 0"],
    ["shots that are not there", ["openbookqa"], { shots: 2 }, "task openbookqa: found 2 shots, expected at most 1"],
    ["an empty batch", ["copa"], { batchSize: 0 }, "batch size: found 0, expected an integer from 1"],
  ])("refuses %s", async (_, names, options, sentence) => {
    await expect(evaluate(shortest(), names, { ...options, data })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(sentence),
    });
  });

  it("refuses answers that are none", async () => {
    await expect(
      evaluateRows(
        modelOf(() => Number.NaN),
        ROWS,
      ),
    ).rejects.toMatchObject({
      code: "NUMERICS",
      message: expect.stringContaining("DIR/t.jsonl: line 1"),
    });
    const silent: LikelihoodModel = { ...shortest(), logLikelihoods: async () => [] };
    await expect(evaluateRows(silent, ROWS)).rejects.toThrow(
      "found 0 log-likelihoods, expected 9, one for each request",
    );
  });
});

describe("harnessDocument", () => {
  it("has the shape of lm-evaluation-harness", async () => {
    const found = await evaluate(shortest(), ["openbookqa", "mmlu_stem"], { data, limit: 2 });
    const document = harnessDocument(found, { model: "m" }, { samples: true });
    const { value, stdErr } = found.tasks[0].scores[1];
    expect(document.results["openbookqa"]).toEqual({
      ...{ alias: "openbookqa", "acc,none": expect.any(Number), "acc_stderr,none": expect.any(Number) },
      ...{ "acc_norm,none": value, "acc_norm_stderr,none": stdErr },
    });
    const { results, samples, configs, ...rest } = document;
    expect(results["mmlu_stem"]).toEqual({ ...results["mmlu_college_biology"], alias: "mmlu_stem" });
    expect(Object.keys(results)).toEqual(["openbookqa", "mmlu_college_biology", "mmlu_stem"]);
    expect(rest).toEqual({
      groups: { mmlu_stem: results["mmlu_stem"] },
      group_subtasks: { mmlu_stem: ["mmlu_college_biology"] },
      versions: { openbookqa: 1, mmlu_college_biology: 1 },
      "n-shot": { openbookqa: 0, mmlu_college_biology: 5 },
      higher_is_better: { openbookqa: { acc: true, acc_norm: true }, mmlu_college_biology: { acc: true } },
      "n-samples": {
        openbookqa: { original: 50, effective: 2 },
        mmlu_college_biology: { original: 2, effective: 2 },
      },
      chance: { openbookqa: 0.25, mmlu_college_biology: 0.25, mmlu_stem: 0.25 },
      intervals: {
        openbookqa: { acc: found.tasks[0].scores[0].interval, acc_norm: found.tasks[0].scores[1].interval },
        mmlu_college_biology: { acc: found.tasks[1].scores[0].interval },
        mmlu_stem: { acc: found.groups[0].scores[0].interval },
      },
      at_chance: { openbookqa: ["acc", "acc_norm"], mmlu_college_biology: ["acc"], mmlu_stem: ["acc"] },
      config: { model: "m" },
    });
    expect(samples?.["openbookqa"]).toEqual(found.tasks[0].samples);
    expect(configs["openbookqa"]).toMatchObject({ task: "openbookqa", doc_to_text: "question.stem" });
    expect(harnessDocument(found, {})).not.toHaveProperty("samples");
  });
});
