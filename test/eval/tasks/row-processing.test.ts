import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/base/json.ts";
import { PROCESSES, type ProcessName } from "../../../src/eval/tasks/row-processing.ts";

const { copa, hellaswag, mmlu, winogrande } = PROCESSES;
const COPA: JsonObject = { premise: " It\u{1f600} fell.\u0085", choice1: "A. B", choice2: "ÉCO", question: "cause" };
const query = (row: JsonObject) => hellaswag({ activity_label: "L", endings: ["x", "y"], ...row }, "f")["query"];

describe("copa", () => {
  it("drops the last character of the stripped premise and gives choices a space and a small letter", () => {
    expect(copa(COPA, "f")).toMatchObject({ query: "It\u{1f600} fell because", choices: [" a. B", " éCO"] });
    expect(copa({ ...COPA, question: "effect" }, "f")["query"]).toBe("It\u{1f600} fell therefore");
  });
});

describe("hellaswag", () => {
  it("joins the two parts of the original release, the second capitalised", () => {
    expect(query({ ctx_a: "He sits.", ctx_b: "then HE", ctx: "unused. x" })).toBe("L: He sits. Then he");
    expect(query({ ctx_a: "He sits.", ctx_b: "", ctx: "" })).toBe("L: He sits.");
  });

  it.each([
    ["He sits. he", "L: He sits. He"],
    ["He sits.  \u0085 he Stands", "L: He sits. He stands"],
    ['"Go!") he', 'L: "Go!") He'],
    ["One. two. three", "L: One. two. Three"],
    ["He sits. She", "L: He sits. She"],
    ["He sits. he stands.", "L: He sits. he stands."],
    ['He sits. he says "no."', 'L: He sits. he says "no."'],
    ["no sentence", "L: no sentence"],
    ["e.g.the thing", "L: e.g.the thing"],
    ["He sits. 3 men", "L: He sits. 3 men"],
  ])("parts the joined context %j", (ctx, expected) => {
    expect(query({ ctx })).toBe(expected);
  });

  it("cleans what markup leaves behind, in context and endings", () => {
    const row = {
      activity_label: " [header] How",
      ctx: "a [title] b  [step] c   d",
      endings: [" x [title] y ", "[z]"],
    };
    expect(hellaswag(row, "f")).toMatchObject({ query: " How: a. b  c  d", choices: ["x. y", ""] });
  });
});

describe("mmlu", () => {
  it("strips the question as Python does", () => {
    expect(mmlu({ question: "\n q?\u0085", A: " a " }, "f")).toEqual({ question: "q?", A: " a " });
  });
});

describe("winogrande", () => {
  it("parts the sentence at its blank", () => {
    expect(winogrande({ sentence: "The _ fell , _. " }, "f")).toMatchObject({ before: "The ", after: "fell , _." });
  });
});

describe("a row that does not fit", () => {
  it.each<[ProcessName, JsonObject, string]>([
    ["copa", { ...COPA, question: "why" }, 'found "why" in question, expected cause or effect'],
    ["copa", { ...COPA, choice2: 3 }, "found 3 in choice2, expected text"],
    ["copa", { question: "cause" }, "found nothing in premise, expected text"],
    ["hellaswag", { ctx: "a", activity_label: "b" }, "found nothing in endings, expected a list of texts"],
    [
      "hellaswag",
      { ctx: "a", activity_label: "b", endings: ["c", 1] },
      "found an array in endings, expected a list of texts",
    ],
    ["hellaswag", { ctx_a: "a", endings: ["c"], activity_label: "b" }, "found nothing in ctx, expected text"],
    ["mmlu", {}, "found nothing in question, expected text"],
    ["winogrande", { sentence: "no gap" }, 'found "no gap" in sentence, expected a sentence with the blank _'],
  ])("%s names the field", (name, row, message) => {
    expect(() => PROCESSES[name](row, "DIR/f: line 2")).toThrow(`DIR/f: line 2: ${message}`);
  });
});
