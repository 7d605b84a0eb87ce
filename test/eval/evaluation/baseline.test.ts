import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeTree } from "../../../src/adapter/node.ts";
import type { JsonValue } from "../../../src/base/json.ts";
import { evaluationTable } from "../../../src/cli/show/evaluation-table.ts";
import { compareWithBaseline, readBaseline } from "../../../src/eval/evaluation/baseline.ts";
import { type Evaluation, evaluate } from "../../../src/eval/evaluation/evaluate.ts";
import { harnessDocument } from "../../../src/eval/evaluation/harness-document.ts";
import type { FolderSource } from "../../../src/files/source.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { evaluateRows, modelOf, shortest } from "../scoring/plain-model.ts";

/** The document of a run, as a file holds it. */
const documentOf = (evaluation: Evaluation): JsonValue =>
  JSON.parse(JSON.stringify(harnessDocument(evaluation, {}, { samples: true })));
const compareRuns = (ours: Evaluation, theirs: Evaluation) =>
  compareWithBaseline(ours.tasks, readBaseline(documentOf(theirs), "base.json"));
const longest = () => modelOf(({ continuation }) => continuation.length);

let data: FolderSource;
beforeAll(async () => {
  data = await nodeTree(repositoryFile("test/fixtures/eval/data"));
});
afterAll(() => data.close());

/** The shortest choice is right in all; the longest in none. */
const CLEAR = Array.from({ length: 12 }, (_, i) => ({ q: `${i}`, c: ["yes", "no no"], t: 0 }));

describe("compareWithBaseline", () => {
  it("gives a difference of every metric over the items of both", async () => {
    const [ours, theirs] = [await evaluateRows(shortest(), CLEAR), await evaluateRows(longest(), CLEAR.slice(0, 10))];
    const { rows } = await compareRuns(ours, theirs);
    expect(rows.map(({ metric }) => metric)).toEqual(["acc", "acc_norm", "acc_bytes"]);
    expect(rows[0]).toMatchObject({ task: "mine", n: 10, ours: 1, baseline: 0, difference: 1, shown: true });
    expect(rows[0].mcnemar).toMatchObject({ p: 2 / 1024 });
    const table = evaluationTable(ours, rows, { markdown: false });
    expect(table).toMatch(/mine +0 +12 +acc +1\.0000 .* 0\.0000 +\+1\.0000 +1\.0000 to 1\.0000 +0\.0020/);
    expect(table).not.toContain("*");
  });

  it("says where no difference is shown", async () => {
    const few = CLEAR.slice(0, 3);
    const ours = await evaluateRows(shortest(), few);
    const { rows } = await compareRuns(ours, await evaluateRows(longest(), few));
    expect(rows[0]).toMatchObject({ difference: 1, shown: false });
    const table = evaluationTable(ours, rows, { markdown: true });
    expect(table).toContain("+1.0000, no difference shown");
    const { rows: same } = await compareRuns(ours, ours);
    expect(same.map(({ difference, shown }) => [difference, shown])).toEqual(Array(3).fill([0, false]));
  });

  it("passes over tasks and items that only one run has", async () => {
    const ours = await evaluate(shortest(), ["copa", "openbookqa"], { data, limit: 3 });
    const theirs = await evaluate(longest(), ["openbookqa", "winogrande"], { data, limit: 2 });
    const { rows } = await compareRuns(ours, theirs);
    expect(rows.map(({ task, metric, n }) => [task, metric, n])).toEqual([
      ["openbookqa", "acc", 2],
      ["openbookqa", "acc_norm", 2],
    ]);
    expect(evaluationTable(ours, rows, { markdown: false })).toMatch(/\ncopa .* - +- +- +-\n/);
  });

  it("tells of another question, and of a run that lacks the metric, and compares the rest", async () => {
    const ours = await evaluateRows(shortest(), CLEAR);
    const problemsOf = async (theirs: Evaluation) => (await compareRuns(ours, theirs)).problems.map(String);
    const changed = await evaluateRows(shortest(), [{ ...CLEAR[0], q: "?" }]);
    expect(await problemsOf(changed)).toEqual([
      "FormatError: base.json: samples.mine, doc_id 0: found another question, expected that of this run",
    ]);
    const shots = await evaluateRows(shortest(), CLEAR, { shots: 1 });
    expect((await problemsOf(shots))[0]).toContain("found another question");
    const poor = await evaluateRows(shortest(), CLEAR, {}, { metric_list: ["acc"] });
    expect((await problemsOf(poor))[0]).toContain(
      "base.json: samples.mine, doc_id 0: acc_norm: found nothing, expected a number",
    );
    const copa = await evaluate(shortest(), ["copa"], { data, limit: 3 });
    const both = { ...copa, tasks: [...changed.tasks, ...copa.tasks] };
    const found = await compareRuns({ ...copa, tasks: [...ours.tasks, ...copa.tasks] }, both);
    expect(found.rows.map(({ task }) => task)).toEqual(["copa"]);
    expect(found.problems).toHaveLength(1);
    expect((await compareRuns(copa, ours)).problems.map(String)).toEqual([
      "FormatError: base.json: samples: found no row of this run's tasks, expected some",
    ]);
  });

  it("compares perplexities, and log-likelihoods for their difference", async () => {
    const task = { output_type: "loglikelihood", doc_to_choice: undefined as never, metric_list: ["perplexity"] };
    const rows = [
      { q: "a", c: [], t: " bb" },
      { q: "b", c: [], t: " cccc" },
    ];
    const ours = await evaluateRows(shortest(), rows, {}, task);
    const { rows: found } = await compareRuns(ours, await evaluateRows(longest(), rows, {}, task));
    const logs = (run: Evaluation) => run.tasks[0].samples.map(({ perplexity }) => perplexity as number);
    const mean = logs(ours).reduce((a, b) => a + b) / 2;
    expect(found[0].ours).toBeCloseTo(Math.exp(-mean), 10);
    expect(found[0].ours).toBeCloseTo(ours.tasks[0].scores[0].value, 10);
  });

  it("takes another program's log, which has no hash of ours, by the right choice", async () => {
    const ours = await evaluateRows(shortest(), CLEAR.slice(0, 2), {}, { metric_list: ["acc"] });
    const log = (target: unknown) => ({
      samples: { mine: [0, 1].map((doc_id) => ({ doc_id, target, resps: [[["-1", "False"]]], acc: 0 })) },
    });
    const compare = (target: unknown) =>
      compareWithBaseline(ours.tasks, readBaseline(log(target) as JsonValue, "log.json"));
    expect((await compare("0")).rows).toMatchObject([{ ours: 1, baseline: 0, n: 2 }]);
    expect(String((await compare("1")).problems[0])).toContain("found another question");
  });

  it.each<[string, JsonValue, string]>([
    ["no document", [], "base.json: found an array, expected a JSON object"],
    [
      "no samples",
      { results: {} },
      "base.json: samples: found nothing, expected the samples of a run with --log-samples",
    ],
    ["samples that are no list", { samples: { mine: 3 } }, "base.json: samples.mine: found 3, expected an array"],
    ["a sample that is none", { samples: { mine: [4] } }, "base.json: samples.mine[0]: found 4"],
    [
      "a sample without a row",
      { samples: { mine: [{}] } },
      "samples.mine[0]: doc_id: found nothing, expected a number",
    ],
  ])("refuses a baseline with %s", (_, json, sentence) => {
    expect(() => readBaseline(json, "base.json")).toThrow(sentence);
  });
});

describe("evaluationTable", () => {
  it("marks scores at chance, tells groups from tasks, and draws markdown", async () => {
    const found = await evaluate(shortest(), ["mmlu_stem"], { data });
    const table = evaluationTable(found, undefined, { markdown: false });
    expect(table).toMatch(/mmlu_college_biology +5 +2 +acc +0\.[05]000 \* .* 0\.250\n/);
    expect(table).toMatch(/mmlu_stem \(1 task\) +2 +acc /);
    expect(table).toContain("\n* not distinguished from guessing");
    const markdown = evaluationTable(found, undefined, { markdown: true });
    expect(markdown).toMatch(/^\| *task *\|/);
    expect(markdown).toContain("|\n\n* not distinguished");
  });
});
