import { describe, expect, it } from "vitest";
import type { JsonObject, JsonValue } from "../../../src/base/json.ts";
import { loadTask } from "../../../src/eval/tasks/load-task.ts";
import { parseTask, readTask } from "../../../src/eval/tasks/parse-task.ts";
import { BUILTIN_TASKS } from "../../../src/eval/tasks/registry.ts";
import { bytesSource, filesFolder } from "../../../src/files/source.ts";

const CHOICE: JsonObject = {
  task: "mine",
  files: { test: "a.jsonl" },
  doc_to_text: "question",
  doc_to_choice: "choices",
  doc_to_target: "label",
};
const TEXT: JsonObject = {
  task: "words",
  files: { test: "a.txt" },
  output_type: "loglikelihood",
  doc_to_text: "",
  doc_to_target: "text",
};
const without = (field: string) => Object.fromEntries(Object.entries(CHOICE).filter(([name]) => name !== field));

describe("parseTask", () => {
  it("fills in the defaults", () => {
    expect(parseTask(CHOICE, "t.json")).toEqual({
      ...CHOICE,
      version: 1,
      tag: [],
      description: "",
      files: { test: [{ path: "a.jsonl" }] },
      test_split: "test",
      num_fewshot: 0,
      output_type: "multiple_choice",
      target_delimiter: " ",
      fewshot_delimiter: "\n\n",
      metric_list: ["acc"],
      primary: "acc",
    });
    expect(parseTask(TEXT, "t.json")).toMatchObject({ metric_list: ["acc", "perplexity"], primary: "acc" });
  });

  it("takes the split called fewshot for the shots unless another is named", () => {
    const files = { test: "a.csv", fewshot: [{ path: "b.csv", columns: ["q"] }, "c.csv"], more: "d.csv" };
    expect(parseTask({ ...CHOICE, files }, "t").fewshot_split).toBe("fewshot");
    expect(parseTask({ ...CHOICE, files, fewshot_split: "more", num_fewshot: 2 }, "t").fewshot_split).toBe("more");
    expect(parseTask({ ...CHOICE, files }, "t").files["fewshot"]).toEqual([
      { path: "b.csv", columns: ["q"] },
      { path: "c.csv" },
    ]);
  });

  it.each(BUILTIN_TASKS.map((task) => [task.task, task] as const))("takes %s, which is data", (_, task) => {
    expect(parseTask(JSON.parse(JSON.stringify(task)) as JsonValue, "t.json")).toEqual(task);
  });
});

describe("a document that is wrong", () => {
  const OTHERS = / or another of task, version, tag, /;
  it.each<[string, JsonValue, string | RegExp]>([
    ["no object", [], "t.json: found an array, expected a JSON object"],
    [
      "a missing field",
      without("doc_to_target"),
      "t.json: field doc_to_target: found nothing, expected it to be there",
    ],
    [
      "a misspelt field",
      { ...without("doc_to_text"), doc_to_txt: "q" },
      "field doc_to_txt: found no such field, expected doc_to_text",
    ],
    ["an unknown field", { ...CHOICE, doc_to_image: "q" }, OTHERS],
    ["a wrong type", { ...CHOICE, doc_to_text: 3 }, "t.json: field doc_to_text: found 3, expected text"],
    ["a null", { ...CHOICE, description: null }, "field description: found null, expected text"],
    ["a name with a space", { ...CHOICE, task: "a b" }, 'field task: found "a b", expected a name of letters'],
    [
      "shots that are no number",
      { ...CHOICE, num_fewshot: "5" },
      'field num_fewshot: found "5", expected a whole number',
    ],
    ["shots that are half", { ...CHOICE, num_fewshot: 1.5 }, "field num_fewshot: found 1.5, expected a whole number"],
    ["shots below none", { ...CHOICE, num_fewshot: -1 }, "field num_fewshot: found -1, expected a whole number"],
    [
      "a metric nobody knows",
      { ...CHOICE, metric_list: ["acc", "f1"] },
      'field metric_list.1: found "f1", expected one of acc, acc_norm',
    ],
    [
      "no metric",
      { ...CHOICE, metric_list: [] },
      "field metric_list: found an array, expected a list of acc, acc_norm",
    ],
    ["a step nobody knows", { ...CHOICE, process: "eval" }, 'field process: found "eval", expected one of copa,'],
    ["another output", { ...CHOICE, output_type: "generate_until" }, "expected one of multiple_choice, loglikelihood"],
    [
      "files that are a list",
      { ...CHOICE, files: ["a.jsonl"] },
      "field files: found an array, expected an object of splits",
    ],
    [
      "a file that is a number",
      { ...CHOICE, files: { test: 3 } },
      "field files.test: found 3, expected a path, or an object with",
    ],
    [
      "a split without files",
      { ...CHOICE, files: { test: [] } },
      "field files.test: found an array, expected a file or a list of files",
    ],
    ["a file without a path", { ...CHOICE, files: { test: { labels: "l" } } }, "field files.test.path: found nothing"],
    [
      "a misspelt field of a file",
      { ...CHOICE, files: { test: ["a.csv", { path: "b.csv", colums: ["q"] }] } },
      "field files.test.1.colums: found no such field, expected columns or another of path, columns, labels",
    ],
    [
      "a target that is half",
      { ...CHOICE, doc_to_target: 0.5 },
      "field doc_to_target: found 0.5, expected a whole number",
    ],
    [
      "a target that is a list",
      { ...CHOICE, doc_to_target: ["a"] },
      "field doc_to_target: found an array, expected a template or an index",
    ],
  ])("%s", (_, json, message) => {
    expect(() => parseTask(json, "t.json")).toThrow(message);
    expect(() => parseTask(json, "t.json")).toThrow(expect.objectContaining({ code: "FORMAT" }));
  });

  it.each<[string, JsonObject, string]>([
    [
      "a test split that is not there",
      { ...CHOICE, test_split: "dev" },
      'field test_split: found "dev", expected a split in files (test)',
    ],
    [
      "a few-shot split that is not there",
      { ...CHOICE, fewshot_split: "dev" },
      'field fewshot_split: found "dev", expected a split in files',
    ],
    ["shots from what is tested", { ...CHOICE, fewshot_split: "test" }, "expected another split than test_split"],
    [
      "shots from nowhere",
      { ...CHOICE, num_fewshot: 5 },
      "field num_fewshot: found 5, expected 0 without a few-shot split",
    ],
    ["no choices", without("doc_to_choice"), "field doc_to_choice: found nothing, expected the choices"],
    [
      "one choice",
      { ...CHOICE, doc_to_choice: ["{{a}}"] },
      "field doc_to_choice: found an array, expected at least 2 templates",
    ],
    [
      "choices of a text",
      { ...TEXT, doc_to_choice: "a" },
      'field doc_to_choice: found "a", expected none for loglikelihood',
    ],
    [
      "answer words of a text",
      { ...TEXT, target_labels: "a" },
      'field target_labels: found "a", expected none for loglikelihood',
    ],
    [
      "an index for a text",
      { ...TEXT, doc_to_target: 0 },
      "field doc_to_target: found 0, expected a template of the continuation",
    ],
    [
      "perplexity of choices",
      { ...CHOICE, metric_list: ["perplexity"] },
      "expected only acc, acc_norm, acc_bytes for such a task",
    ],
    ["a norm of one text", { ...TEXT, metric_list: ["acc_norm"] }, "expected only acc, perplexity for such a task"],
    [
      "a norm in partial scoring",
      { ...CHOICE, doc_to_continuation: "b", metric_list: ["acc_norm"] },
      "expected only acc for such a task",
    ],
    [
      "a primary metric not reported",
      { ...CHOICE, primary: "acc_norm" },
      'field primary: found "acc_norm", expected one of metric_list (acc)',
    ],
  ])("fields that do not fit together: %s", (_, json, message) => {
    expect(() => parseTask(json, "t.json")).toThrow(message);
  });
});

describe("readTask", () => {
  it("reads a file and names it in errors", async () => {
    const source = (text: string) => bytesSource("my/task.json", new TextEncoder().encode(text));
    expect((await readTask(source(JSON.stringify(CHOICE)))).task).toBe("mine");
    await expect(readTask(source('{"task": "a",}'))).rejects.toThrow("my/task.json: line 1, column 14");
    await expect(readTask(source('{"tsk": "a"}'))).rejects.toThrow(
      "my/task.json: field tsk: found no such field, expected task",
    );
  });

  it.each<[string, JsonObject, string]>([
    ["a text", { ...CHOICE, doc_to_text: "{{ a" }, 't.json: field doc_to_text: found "{{ a" ('],
    ["a list", { ...CHOICE, doc_to_choice: ["a", "{% if %}"] }, "t.json: field doc_to_choice[1]: found "],
  ])(
    "finds a template that does not parse in %s, and loadTask does for a task that was not read so",
    async (_, json, message) => {
      const source = bytesSource("t.json", new TextEncoder().encode(JSON.stringify(json)));
      await expect(readTask(source)).rejects.toThrow(message);
      const loaded = loadTask(parseTask(json, "t.json"), filesFolder("DIR", {}));
      await expect(loaded).rejects.toThrow(message.replace("t.json", "task mine"));
    },
  );
});
