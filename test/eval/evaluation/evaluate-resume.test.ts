/** What an interrupted evaluation keeps, and what a later one makes of it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeTree } from "../../../src/adapter/node.ts";
import { evaluate } from "../../../src/eval/evaluation/evaluate.ts";
import { headLine, readSampleLog, sampleLine } from "../../../src/eval/evaluation/sample-log.ts";
import type { FolderSource } from "../../../src/files/source.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { evaluateRows, ROWS, shortest } from "../scoring/plain-model.ts";

let data: FolderSource;
beforeAll(async () => {
  data = await nodeTree(repositoryFile("test/fixtures/eval/data"));
});
afterAll(() => data.close());

describe("an interrupted evaluation", () => {
  const names = ["copa", "openbookqa"];

  it("ends with the reason and keeps finished batches", async () => {
    const controller = new AbortController();
    const kept: number[] = [];
    const run = evaluate(shortest(), names, {
      data,
      ...{ limit: 6, batchSize: 2, signal: controller.signal },
      async onSamples(task, samples) {
        expect(task).toBe("copa");
        kept.push(...samples.map(({ doc_id }) => doc_id));
        if (kept.length === 4) controller.abort(new Error("enough"));
      },
    });
    await expect(run).rejects.toThrow("enough");
    expect(kept).toEqual([0, 1, 2, 3]);
    await expect(evaluate(shortest(), names, { data, signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow(
      "no",
    );
  });

  it("goes on with what is known, and ends the same", async () => {
    const lines = [headLine({ model: "m" })];
    const options = { limit: 6, batchSize: 4 };
    const whole = await evaluate(shortest(), names, {
      data,
      ...options,
      onSamples: (task, samples) => void lines.push(...samples.map((sample) => sampleLine(task, sample))),
    });
    expect(lines).toHaveLength(13);
    for (const length of [13, 9, 1, 0]) {
      const known = readSampleLog(lines.slice(0, length), { model: "m" }, "j");
      const model = shortest();
      const done: number[] = [];
      const again = await evaluate(model, names, {
        data,
        ...{ ...options, known },
        onProgress: (progress) => done.push(progress.done),
      });
      expect(again).toEqual(whole);
      const [copa, openbookqa] = [Math.min(6, Math.max(0, length - 1)), Math.max(0, length - 7)];
      expect(model.asked).toHaveLength(2 * (6 - copa) + 4 * (6 - openbookqa));
      expect(done.at(-1)).toBe(12);
    }
    // A larger limit only asks for more.
    const model = shortest();
    const known = new Map(whole.tasks.map(({ task, samples }) => [task.task, samples]));
    await evaluate(model, names, { data, limit: 7, known });
    expect(model.asked).toHaveLength(2 + 4);
  });

  it("takes over answers, not what they were worth", async () => {
    const [{ samples }] = (await evaluateRows(shortest(), ROWS, {}, { metric_list: ["acc"] })).tasks;
    const turned = ROWS.map((row) => ({ ...row, t: 0 }));
    const model = shortest();
    const again = await evaluateRows(model, turned, { known: new Map([["mine", samples]]) });
    expect(model.calls).toBe(0);
    expect(again).toEqual(await evaluateRows(shortest(), turned));
  });

  it("refuses the answer to another question", async () => {
    const [{ samples }] = (await evaluateRows(shortest(), ROWS)).tasks;
    const other = [{ ...ROWS[0], q: "?" }, ...ROWS.slice(1)];
    await expect(evaluateRows(shortest(), other, { known: new Map([["mine", samples]]) })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("resume, task mine, row 0: found the answer to another question"),
    });
    const short = new Map([["mine", samples.map((sample) => ({ ...sample, resps: sample.resps.slice(1) }))]]);
    await expect(evaluateRows(shortest(), ROWS, { known: short })).rejects.toThrow(
      "row 0: found the answer to another",
    );
    expect((await evaluateRows(shortest(), ROWS, { shots: 1 })).tasks[0].samples[0].request_hash).not.toBe(
      samples[0].request_hash,
    );
  });
});

describe("readSampleLog", () => {
  const head = headLine({ model: "m", shots: null });
  const sample = {
    task: "copa",
    doc_id: 3,
    target: 1,
    resps: [
      [-1.5, false],
      [-2, true],
    ],
    request_hash: "h",
    acc: 1,
  };
  const read = (...lines: readonly string[]) => readSampleLog(lines, { model: "m", shots: null }, "run.jsonl");

  it("gives samples by task, bit for bit", () => {
    const { task: _, ...answers } = sample;
    const exact = { ...answers, doc_id: 4, resps: [[-0.1 - 0.2, true] as const] };
    const found = read(head, JSON.stringify(sample), sampleLine("copa", { ...exact, doc: { q: "not kept" } }));
    expect([...found]).toEqual([["copa", [answers, exact]]]);
    expect(read().size).toBe(0);
  });

  it.each([
    [{ model: "other", shots: null }, 'run.jsonl: model: found "other", of another run, expected "m"'],
    [{ model: "m", shots: 5 }, "run.jsonl: shots: found 5, of another run, expected null, as in this one"],
    [{ shots: null }, "run.jsonl: model: found nothing, of another run"],
    [{ format: "else" }, 'run.jsonl: format: found "else", of another run'],
  ])("refuses the run %j", (run, sentence) => {
    const line = JSON.stringify({ format: JSON.parse(head).format, ...run });
    expect(() => read(line, JSON.stringify(sample))).toThrow(sentence);
  });

  it.each<[string, object | string]>([
    ["text", "half a li"],
    ["no object", "[1]"],
    ["no task", { ...sample, task: undefined }],
    ["no hash", { ...sample, request_hash: undefined }],
    ["a place that is no number", { ...sample, doc_id: "3" }],
    ["no answers", { ...sample, resps: null }],
    ["answers that are none", { ...sample, resps: { 0: [-1, true] } }],
    ["an answer without greediness", { ...sample, resps: [[-1]] }],
    ["an answer without likelihood", { ...sample, resps: [[null, true]] }],
  ])("refuses a line with %s", (_, line) => {
    const bad = typeof line === "string" ? line : JSON.stringify(line);
    expect(() => read(head, JSON.stringify(sample), bad)).toThrow("run.jsonl: line 3");
  });
});
