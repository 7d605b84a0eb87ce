import { describe, expect, it } from "vitest";
import { BUILTIN_TASKS, findTasks, taskNames } from "../../../src/eval/tasks/registry.ts";
import { defineTask } from "../../../src/eval/tasks/task.ts";

const names = (...asked: string[]) => findTasks(asked).map(({ task }) => task.task);
const own = (task: string, ...tag: string[]) =>
  defineTask({ task, tag, files: { test: "a.jsonl" }, doc_to_text: "q", doc_to_choice: "c", doc_to_target: "t" });

describe("findTasks", () => {
  it("keeps the order asked for, each task once", () => {
    expect(names("piqa", "copa", "piqa")).toEqual(["piqa", "copa"]);
    expect(findTasks(["copa"])[0].groups).toEqual([]);
  });

  it("expands groups and tells which were asked for", () => {
    const found = findTasks(["mmlu_anatomy", "mmlu", "mmlu_stem"]);
    expect(found).toHaveLength(57);
    expect(found[0]).toMatchObject({ task: { task: "mmlu_anatomy" }, groups: ["mmlu", "mmlu_stem"] });
    expect(found.filter(({ groups }) => groups.includes("mmlu_stem"))).toHaveLength(19);
    expect(findTasks(["mmlu_stem"])[0].groups).toEqual(["mmlu_stem"]);
  });

  it.each([
    ["mmlu_humanities", 13],
    ["mmlu_social_sciences", 12],
    ["mmlu_other", 13],
  ])("finds %s with %i subjects", (group, count) => {
    expect(names(group)).toHaveLength(count);
  });

  it("offers the nearest names for an unknown one", () => {
    expect(() => findTasks(["hellswag"])).toThrow(
      expect.objectContaining({
        code: "USAGE",
        message: expect.stringMatching(
          /^tasks: found "hellswag", expected the name of a task or group, such as hellaswag, /,
        ),
      }),
    );
    expect(() => findTasks(["mmlu_steam"])).toThrow("such as mmlu_stem,");
    expect(() => findTasks([""])).toThrow('found ""');
  });

  it("knows tasks of one's own, and their groups", () => {
    const mine = [own("mine", "ours"), own("yours", "ours")];
    expect(findTasks(["ours", "copa"], mine).map(({ task, groups }) => [task.task, groups])).toEqual([
      ["mine", ["ours"]],
      ["yours", ["ours"]],
      ["copa", []],
    ]);
    expect(taskNames(mine)).toContain("ours");
  });

  it.each([
    ["a task", [own("copa")]],
    ["a group", [own("mmlu")]],
    ["one's own", [own("a"), own("a")]],
    ["one's own group", [own("a", "b"), own("b")]],
  ])("refuses a name that is taken by %s", (_, mine) => {
    expect(() => findTasks(["copa"], mine)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});

describe("taskNames", () => {
  it("names every task and group once", () => {
    const all = taskNames();
    expect(new Set(all).size).toBe(all.length);
    expect(all).toHaveLength(BUILTIN_TASKS.length + 5);
    for (const name of all) expect(findTasks([name]).length).toBeGreaterThan(0);
  });
});

describe("metrics of the built-in tasks", () => {
  it.each([
    ["winogrande", ["acc"], "acc"],
    ["copa", ["acc"], "acc"],
    ["openbookqa", ["acc", "acc_norm"], "acc_norm"],
    ["hellaswag", ["acc", "acc_norm"], "acc_norm"],
    ["piqa", ["acc", "acc_norm"], "acc"],
    ["mmlu_virology", ["acc"], "acc"],
    ["arc_easy", ["acc", "acc_norm"], "acc"],
    ["arc_challenge", ["acc", "acc_norm"], "acc_norm"],
    ["lambada_openai", ["acc", "perplexity"], "acc"],
  ])("%s", (name, metrics, primary) => {
    expect(findTasks([name])[0].task).toMatchObject({ metric_list: metrics, primary });
  });
});
