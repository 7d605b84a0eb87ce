/** The built-in tasks on their data: contexts and continuations written out by hand here, whole sets against values computed elsewhere. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { nodeTree } from "../../../src/adapter/node.ts";
import { chanceOf, type LoadedTask, loadTask } from "../../../src/eval/tasks/load-task.ts";
import { findTasks } from "../../../src/eval/tasks/registry.ts";
import { characterCount } from "../../../src/text/parts/python-text.ts";
import { readJsonLines, repositoryFile, sharedFile } from "../../helpers/shared.ts";

async function load(
  name: string,
  shots?: number,
  root = repositoryFile("test/fixtures/eval/data"),
): Promise<LoadedTask> {
  const data = await nodeTree(root);
  try {
    const loaded = await loadTask(findTasks([name])[0].task, data, { shots });
    expect(loaded.problems).toEqual([]);
    return loaded;
  } finally {
    await data.close();
  }
}
/** Context and continuation of each request of a row, and the right choice. */
async function rowOf(name: string, row: number, shots?: number) {
  const { requests, target, choices } = (await load(name, shots)).items[row];
  return { asked: requests.map(({ context, continuation }) => [context, continuation]), target, choices };
}
const each = (context: string, ...continuations: string[]) => continuations.map((text) => [context, text]);

describe("rows of the built-in tasks", () => {
  it("COPA: two spaces before a small letter, one of them counted", async () => {
    expect(await rowOf("copa", 0)).toEqual({
      asked: each(
        "The man turned on the faucet therefore",
        "  the toilet filled with water.",
        "  water flowed from the spout.",
      ),
      choices: [" the toilet filled with water.", " water flowed from the spout."],
      target: 1,
    });
    expect((await rowOf("copa", 4)).asked[0]).toEqual(["The hamburger meat browned because", "  the cook froze it."]);
    expect((await rowOf("copa", 4, 1)).asked[1]).toEqual([
      "My body cast a shadow over the grass because  the sun was rising.\n\nThe hamburger meat browned because",
      "  the cook grilled it.",
    ]);
  });

  it("WinoGrande: the option ends the context, the rest is scored", async () => {
    expect(await rowOf("winogrande", 0)).toEqual({
      asked: [
        ["Sarah was a much better surgeon than Maria so Sarah", " always got the easier cases."],
        ["Sarah was a much better surgeon than Maria so Maria", " always got the easier cases."],
      ],
      choices: ["Sarah", "Maria"],
      target: 1,
    });
    expect((await rowOf("winogrande", 1, 1)).asked[0][0]).toBe(
      "Ian volunteered to eat Dennis's menudo after already having a bowl because Dennis despised eating intestine.\n\n" +
        "Sarah was a much better surgeon than Maria so Sarah",
    );
  });

  it("OpenBookQA: the stem as it is", async () => {
    expect(await rowOf("openbookqa", 1)).toEqual({
      asked: each("There is most likely going to be fog around:", " a marsh", " a tundra", " the plains", " a desert"),
      choices: ["a marsh", "a tundra", "the plains", "a desert"],
      target: 0,
    });
    expect((await rowOf("openbookqa", 1, 1)).asked[0][0]).toBe(
      "Frilled sharks and angler fish live far beneath the surface of the ocean, which is why they are known as Deep sea animals\n\n" +
        "There is most likely going to be fog around:",
    );
  });

  it("HellaSwag: the second part of the context with a capital", async () => {
    expect(await rowOf("hellaswag", 0)).toEqual({
      asked: each(
        "Roof shingle removal: A man is sitting on a roof. He",
        " is using wrap to wrap a pair of skis.",
        " is ripping level tiles off.",
        " is holding a rubik's cube.",
        " starts pulling up roofing on a roof.",
      ),
      choices: [
        "is using wrap to wrap a pair of skis.",
        "is ripping level tiles off.",
        "is holding a rubik's cube.",
        "starts pulling up roofing on a roof.",
      ],
      target: 3,
    });
    expect((await rowOf("hellaswag", 2)).asked[0][0]).toMatch(
      /^Canoeing: Two .* in the background\. The child and a different man$/,
    );
  });

  it("PIQA: a space at the end of a solution stays", async () => {
    expect(await rowOf("piqa", 1)).toEqual({
      asked: each(
        "Question: dresser\nAnswer:",
        " replace drawer with bobby pin ",
        " finish, woodgrain with  bobby pin ",
      ),
      choices: ["replace drawer with bobby pin ", "finish, woodgrain with  bobby pin "],
      target: 1,
    });
  });

  it("MMLU: five examples, letters", async () => {
    const { asked, choices, target } = await rowOf("mmlu_college_biology", 0);
    const question =
      "A cell nucleus contains which of the following?\nI. DNA\nII. Protein\nIII. RNA\n" +
      "A. I only\nB. II only\nC. III only\nD. I, II, and III\nAnswer:";
    const description = "The following are multiple choice questions (with answers) about college biology.\n\n";
    const context = asked[0][0];
    expect(asked).toEqual(each(context, " A", " B", " C", " D"));
    expect([choices, target]).toEqual([["A", "B", "C", "D"], 3]);
    expect(context.startsWith(`${description}Which of the following represents an accurate statement`)).toBe(true);
    expect(context.match(/\nAnswer: ([A-D])\n\n/g)?.join("")).toBe(
      ["B", "D", "C", "B", "B"].map((key) => `\nAnswer: ${key}\n\n`).join(""),
    );
    expect(context.endsWith(`\nAnswer: B\n\n${question}`)).toBe(true);
    expect((await rowOf("mmlu_college_biology", 0, 0)).asked[0][0]).toBe(description + question);
    expect((await load("mmlu_college_biology")).items.map(({ where }) => where.split("/").at(-1))).toEqual([
      "college_biology_test.csv: line 1",
      "college_biology_test.csv: line 5",
    ]);
  });

  it("ARC: answers by letter or digit", async () => {
    expect(await rowOf("arc_easy", 0)).toEqual({
      asked: each("Question: Which of these melts in the sun?\nAnswer:", " a stone", " an ice cube", " a spoon"),
      choices: ["a stone", "an ice cube", "a spoon"],
      target: 1,
    });
    const { asked, target } = await rowOf("arc_challenge", 0, 1);
    expect(target).toBe(3);
    expect(asked[3]).toEqual([
      "Question: What gives light?\nAnswer: a lamp\n\nQuestion: What do plants take from the air?\nAnswer:",
      " carbon dioxide",
    ]);
  });

  it("LAMBADA: the last word", async () => {
    expect(await rowOf("lambada_openai", 0)).toEqual({
      asked: each("The baker opened the oven, looked inside and smiled: he had made\nthe best", " bread"),
      choices: ["bread"],
      target: 0,
    });
  });
});

const SHARED = sharedFile("data/eval");

/** Items of each set, and the SHA-256 of `[[context, continuation] a choice, choices, target]` a line, made by a separate Python program. */
const WHOLE_SETS: readonly [string, number, number, string][] = [
  ["winogrande", 1267, 0.5, "59ab36056fbaa0377eaa2b74a7e4ca3c9e1f295300d5e5c9e903b68c4f1e23bd"],
  ["copa", 100, 0.5, "410301b19b0edce5d3af864e52b16391c80c182e81dd0895cc3488800764fc40"],
  ["openbookqa", 500, 0.25, "9e76cf9fbecf567d25df1a577e6124c21cbc6183764d25ca2ae46ca882b19c99"],
  ["hellaswag", 10042, 0.25, "0b261e59fd1374783b47d6884a72b8391e203111a9bdf0f1839ae813e15f407f"],
  ["piqa", 1838, 0.5, "a79b50f67ddae978b7ca4ae4c07c9b8156e254f525bf5039d99f9532a6ba2b1e"],
  ["mmlu", 14042, 0.25, "d28fe9cf1902ed56ffc936a2ff8ac7028b8384f88691a33f6411901372868e99"],
];

describe.skipIf(SHARED === undefined)("whole sets (skipped where QUERN_SHARED has no data/eval)", () => {
  it.each(WHOLE_SETS)(
    "%s loads without a problem, string for string",
    { timeout: 60_000 },
    async (name, total, chance, sha256) => {
      const data = await nodeTree(SHARED ?? "");
      const hash = createHash("sha256");
      let items = 0;
      for (const { task } of findTasks([name])) {
        const loaded = await loadTask(task, data);
        expect(loaded.problems).toEqual([]);
        expect(loaded.items).toHaveLength(loaded.total);
        expect(new Set(loaded.items.map(chanceOf))).toEqual(new Set([chance]));
        items += loaded.items.length;
        for (const { requests, choices, target } of loaded.items) {
          const asked = requests.map(({ context, continuation }) => [context, continuation]);
          hash.update(`${JSON.stringify([asked, choices, target])}\n`);
        }
      }
      await data.close();
      expect(items).toBe(total);
      expect(hash.digest("hex")).toBe(sha256);
    },
  );
});

interface Expected {
  readonly gold: number;
  readonly chars: readonly number[];
  readonly bytes: readonly number[];
}

const FIXTURES = ["fable-mixtral", "fable-deepseek", "smol-moe"]
  .flatMap((model) => ["copa", "openbookqa", "hellaswag"].map((task) => `${model}/${task}`))
  .filter((path) => sharedFile(`fixtures/eval/${path}.jsonl`) !== undefined);

describe.skipIf(SHARED === undefined || FIXTURES.length === 0)(
  "fixtures (skipped where QUERN_SHARED has no fixtures/eval)",
  () => {
    it.each(FIXTURES)("%s: right choices and lengths", async (path) => {
      const expected = readJsonLines<Expected>(sharedFile(`fixtures/eval/${path}.jsonl`) ?? "");
      const { items } = await load(path.split("/")[1], 0, SHARED);
      expect(expected.length).toBeGreaterThanOrEqual(40);
      const found = items.slice(0, expected.length).map(({ target, choices }) => ({
        gold: target,
        chars: choices.map(characterCount),
        bytes: choices.map((choice) => Buffer.byteLength(choice)),
      }));
      expect(found).toEqual(expected.map(({ gold, chars, bytes }) => ({ gold, chars, bytes })));
    });
  },
);
