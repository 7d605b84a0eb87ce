import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/base/json.ts";
import { chanceOf, type LoadTaskOptions, loadTask } from "../../../src/eval/tasks/load-task.ts";
import { parseTask } from "../../../src/eval/tasks/parse-task.ts";
import { findTasks } from "../../../src/eval/tasks/registry.ts";
import { filesFolder } from "../../../src/files/source.ts";

const CHOICE: JsonObject = {
  task: "mine",
  files: { test: "t.jsonl", fewshot: "s.jsonl" },
  doc_to_text: "Q: {{q}}\nA:",
  doc_to_choice: "c",
  doc_to_target: "t",
};
const ROW = { q: "1+1", c: ["two", "four"], t: 0 };
const lines = (...rows: (object | string)[]) =>
  new TextEncoder().encode(rows.map((row) => `${typeof row === "string" ? row : JSON.stringify(row)}\n`).join(""));
const folder = (files: Record<string, (object | string)[]>) =>
  filesFolder("DIR", Object.fromEntries(Object.entries(files).map(([name, rows]) => [name, lines(...rows)])));

/** Loads `fields` over a task of one's own on `rows`. */
function load(fields: JsonObject, rows: (object | string)[], options: LoadTaskOptions = {}, shots: object[] = []) {
  return loadTask(
    parseTask({ ...CHOICE, ...fields }, "t.json"),
    folder({ "t.jsonl": rows, "s.jsonl": shots }),
    options,
  );
}
async function problemOf(fields: JsonObject, row: object | string): Promise<string> {
  const { items, problems, total } = await load(fields, [ROW, row, ROW]);
  expect(items.map(({ docId }) => docId)).toEqual([0, 2]);
  expect(problems.map(({ code }) => code)).toEqual(["FORMAT"]);
  expect(total).toBe(3);
  return problems[0].message;
}

describe("loadTask", () => {
  it("asks one request a choice", async () => {
    const { items, total } = await load({}, [ROW]);
    expect(total).toBe(1);
    expect(items).toEqual([
      {
        docId: 0,
        requests: [
          { context: "Q: 1+1\nA:", continuation: " two" },
          { context: "Q: 1+1\nA:", continuation: " four" },
        ],
        choices: ["two", "four"],
        target: 0,
        doc: ROW,
        where: "DIR/t.jsonl: line 1",
      },
    ]);
  });

  it("puts description and shots before, with the delimiters of the task", async () => {
    const fields = {
      description: "About {{topic}}.\n",
      target_delimiter: "",
      fewshot_delimiter: "\n##\n",
      num_fewshot: 1,
    };
    const shots = [{ ...ROW, q: "2+2", t: 1 }, ROW];
    const contextOf = async (options: LoadTaskOptions) =>
      (await load(fields, [{ ...ROW, topic: "sums" }], options, shots)).items[0].requests[1];
    expect(await contextOf({})).toEqual({
      context: "About sums.\nQ: 2+2\nA:four\n##\nQ: 1+1\nA:",
      continuation: "four",
    });
    expect((await contextOf({ shots: 0 })).context).toBe("About sums.\nQ: 1+1\nA:");
    expect((await contextOf({ shots: 2 })).context).toBe(
      "About sums.\nQ: 2+2\nA:four\n##\nQ: 1+1\nA:two\n##\nQ: 1+1\nA:",
    );
  });

  it("scores one continuation after each choice in partial scoring, shots too", async () => {
    const fields = { doc_to_text: "q", doc_to_continuation: "{{rest}}" };
    const row = { ...ROW, q: "I am ", rest: "old" };
    const { items } = await load(fields, [row], { shots: 1 }, [{ ...row, t: 1 }]);
    expect(items[0].requests).toEqual([
      { context: "I am four old\n\nI am two", continuation: " old" },
      { context: "I am four old\n\nI am four", continuation: " old" },
    ]);
  });

  it("asks for one continuation for loglikelihood", async () => {
    const task = parseTask(
      { task: "w", files: { test: "t.txt" }, output_type: "loglikelihood", doc_to_text: "", doc_to_target: "text" },
      "t.json",
    );
    const { items } = await loadTask(task, filesFolder("DIR", { "t.txt": new TextEncoder().encode("one\ntwo\n") }));
    expect(items[1]).toMatchObject({
      requests: [{ context: "", continuation: " two" }],
      choices: ["two"],
      target: 0,
      where: "DIR/t.txt: line 2",
    });
    expect(items.map(chanceOf)).toEqual([0, 0]);
  });

  it.each<[string, JsonObject, object, number]>([
    ["an index", {}, { t: 1 }, 1],
    ["digits", {}, { t: " 1" }, 1],
    ["digits, though a choice has the same", {}, { c: ["1", "2"], t: "1" }, 1],
    ["a choice", {}, { t: "four" }, 1],
    ["an answer word", { target_labels: ["x", "y"] }, { t: "y " }, 1],
    [
      "an answer word of the row",
      { target_labels: "{{ l | map(attribute='k') }}" },
      { l: [{ k: 1 }, { k: 0 }], t: "0" },
      1,
    ],
    ["a template", { doc_to_target: "{{ 'two' if t else 'four' }}" }, { t: 0 }, 1],
    ["always the same", { doc_to_target: 1 }, {}, 1],
  ])("finds the right choice by %s", async (_, fields, row, target) => {
    expect((await load(fields, [{ ...ROW, ...row }])).items[0].target).toBe(target);
  });

  it("counts the first rows to the limit, bad ones included", async () => {
    const loaded = await load({}, [ROW, "{", ROW, ROW, "}"], { limit: 3 });
    expect(loaded.items.map(({ docId, where }) => [docId, where])).toEqual([
      [0, "DIR/t.jsonl: line 1"],
      [2, "DIR/t.jsonl: line 3"],
    ]);
    expect(loaded.problems).toHaveLength(1);
    expect(loaded.total).toBe(5);
    expect((await load({}, [ROW], { limit: 9 })).items).toHaveLength(1);
  });
});

describe("a bad row is a problem with its line, the others stay", () => {
  it.each<[string, JsonObject, object | string, string]>([
    ["bad JSON", {}, "{'q': 1}", "DIR/t.jsonl: line 2, column 2: found \"'q': 1}\", expected a quoted key"],
    ["no object", {}, "3", "DIR/t.jsonl: line 2: found 3, expected a JSON object"],
    [
      "a missing field",
      {},
      { c: ROW.c, t: 0 },
      "DIR/t.jsonl: line 2: doc_to_text: found nothing in q, expected a value",
    ],
    [
      "a label beyond",
      {},
      { ...ROW, t: 2 },
      "DIR/t.jsonl: line 2: found 2 for doc_to_target, expected an index below 2 or a choice",
    ],
    ["a label below", {}, { ...ROW, t: -1 }, "found -1 for doc_to_target"],
    ["half a label", {}, { ...ROW, t: 0.5 }, "found 0.5 for doc_to_target"],
    ["a label that is no choice", {}, { ...ROW, t: "six" }, 'found "six" for doc_to_target'],
    ["an empty label", {}, { ...ROW, t: "" }, 'found "" for doc_to_target'],
    ["one choice", {}, { ...ROW, c: ["two"] }, "line 2: found 1 choices in doc_to_choice, expected at least 2"],
    ["no choice", {}, { ...ROW, c: [] }, "line 2: found 0 choices in doc_to_choice, expected at least 2"],
    ["an empty choice", {}, { ...ROW, c: ["two", ""] }, "line 2: found an empty text from doc_to_choice"],
    [
      "a choice that is no text",
      {},
      { ...ROW, c: ["two", ["x"]] },
      "line 2: doc_to_choice[1]: found an array, expected text",
    ],
    [
      "choices that are no list",
      {},
      { ...ROW, c: "two" },
      'line 2: found "two" in doc_to_choice, expected a list of texts',
    ],
  ])("%s", async (_, fields, row, message) => {
    expect(await problemOf(fields, row)).toContain(message);
  });

  it("more answer words than choices", async () => {
    const { problems } = await load({ target_labels: ["x", "y", "z"] }, [{ ...ROW, t: "x" }]);
    expect(problems[0].message).toBe("DIR/t.jsonl: line 1: found 3 target_labels, expected 2, one a choice");
  });

  it("an answer word that is none", async () => {
    const { problems } = await load({ target_labels: ["x", "y"] }, [{ ...ROW, t: "z" }]);
    expect(problems[0].message).toContain('found "z" for doc_to_target, expected one of x, y');
  });

  it("a sentence without a blank, and labels of another length", async () => {
    const [{ task: winogrande }, { task: piqa }] = findTasks(["winogrande", "piqa"]);
    const sentence = { sentence: "no blank", option1: "a", option2: "b", answer: "1" };
    const blank = await loadTask(winogrande, folder({ "winogrande/dev.jsonl": [sentence] }));
    expect(blank.problems[0].message).toContain('winogrande/dev.jsonl: line 1: found "no blank" in sentence');
    const row = { goal: "g", sol1: "a", sol2: "b" };
    const data = folder({ "piqa/valid.jsonl": [row, row], "piqa/valid-labels.lst": ["1"] });
    const { items, problems } = await loadTask(piqa, data);
    expect(items).toHaveLength(1);
    expect(problems.map(({ message }) => message.split(":").slice(0, 2).join(":"))).toEqual([
      "DIR/piqa/valid-labels.lst: line 2",
      "DIR/piqa/valid.jsonl: line 2",
    ]);
  });
});

describe("loadTask throws", () => {
  it("where the split is missing", async () => {
    await expect(loadTask(parseTask(CHOICE, "t"), folder({}))).rejects.toMatchObject({
      code: "FILE",
      message: expect.stringContaining("found neither t.jsonl nor t.jsonl.gz"),
    });
  });

  it.each<[string, JsonObject, LoadTaskOptions, string]>([
    [
      "shots without a split",
      { files: { test: "t.jsonl" } },
      { shots: 1 },
      "task mine: found 1 shots, expected none: the task names no",
    ],
    [
      "more shots than rows",
      {},
      { shots: 3 },
      "task mine: found 3 shots, expected at most 2, the rows of its few-shot split",
    ],
    ["half a shot", {}, { shots: 0.5 }, "shots: found 0.5, expected a whole number of at least 0"],
    ["no limit worth the name", {}, { limit: 0 }, "limit: found 0, expected a whole number of at least 1"],
  ])("for %s", async (_, fields, options, message) => {
    await expect(load(fields, [ROW], options, [ROW, ROW])).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(message),
    });
  });

  it("for a bad row among the shots", async () => {
    await expect(load({}, [ROW], { shots: 1 }, [{ ...ROW, t: 9 }])).rejects.toThrow(
      "DIR/s.jsonl: line 1: found 9 for doc_to_target",
    );
  });

  it("the signal's reason when it is aborted", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(load({}, [ROW], { signal })).rejects.toThrow("enough");
  });
});

describe("chanceOf", () => {
  it("is one of the choices", () => {
    expect(chanceOf({ choices: ["a", "b", "c", "d"] })).toBe(0.25);
  });
});
