import { describe, expect, it } from "vitest";
import { createRandom, type Random } from "../../../src/base/random.ts";
import { normalizeInTurns, piecesOf, stepsOf } from "../../../src/text/long-text/encode-in-turns.ts";
import { LongWords } from "../../../src/text/long-text/long-words.ts";
import { runThrough } from "../../../src/text/long-text/stepwise.ts";
import { type Library, openLibrary } from "../../../src/text/parts/tokenizers-library.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { FIXTURES, readJson } from "../tokenizers.ts";

const ALPHABET = [..."aaaabbeett1123AB'sll .,/-é一ね\u0301", "😀", "\n", "\r", "\t", "  ", "\u00a0"];

function randomText(random: Random, length: number): string {
  return Array.from({ length }, () => ALPHABET[random.integer(ALPHABET.length)]).join("");
}

function open(parts: Record<string, unknown>): Library {
  return openLibrary({ model: { type: "WordPiece", vocab: {}, unk_token: "a" }, ...parts });
}

describe("piecesOf", () => {
  const split = (source: string, behavior: string, invert = false) => ({
    ...{ type: "Split", pattern: { Regex: source }, behavior, invert },
  });
  const llama3 =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  it.each([
    ["Llama 3", split(llama3, "Isolated")],
    ["no spaces", split("\\s+", "Removed")],
    ["only words", split("\\p{L}+", "Removed", true)],
    ["empty finds", split("(?=\\d)", "Isolated")],
    ["two steps", { type: "Sequence", pretokenizers: [split("\\p{N}", "Isolated"), split(llama3, "Isolated")] }],
  ])("gives the library's pieces of short and long texts: %s", (_, step) => {
    const { pre_tokenizer: library } = open({ pre_tokenizer: step });
    const random = createRandom(3);
    for (const length of [1, 10, 4000, 5000, 20_000]) {
      const text = randomText(random, length);
      const pieces = [...piecesOf(stepsOf(library), text, 0)].filter((piece) => piece !== undefined);
      expect(pieces).toEqual(library!(text, { section_index: 0 }));
    }
  });

  it("pauses where nothing is found", () => {
    const { pre_tokenizer: library } = open({ pre_tokenizer: split("b", "Isolated") });
    expect([...piecesOf(stepsOf(library), "a".repeat(10_000), 0)].filter((piece) => piece === undefined).length).toBe(
      156,
    );
  });
});

describe("normalizeInTurns", () => {
  it("gives the library's form of short and long texts", () => {
    const replace = (source: string, content: string) => ({ type: "Replace", pattern: { Regex: source }, content });
    const normalizers = [
      { type: "NFD" },
      replace("a+", "b"),
      replace("\\s+(?=\\S)", " "),
      { type: "Prepend", prepend: "_" },
    ];
    const { normalizer } = open({ normalizer: { type: "Sequence", normalizers } });
    for (const length of [10, 20_000]) {
      const text = randomText(createRandom(length), length);
      const normalizing = normalizeInTurns(normalizer, text);
      let step = normalizing.next();
      while (!step.done) step = normalizing.next();
      expect(step.value).toBe(normalizer!(text));
    }
  });
});

describe("LongWords", () => {
  it.each([`${FIXTURES}/metaspace.json`, repositoryFile("models/fable-mixtral/tokenizer.json")])(
    "gives the library's tokens of a word: %s",
    (path) => {
      const model = readJson(path)["model"] as { vocab: Record<string, number>; merges: (string | [string, string])[] };
      const library = open({ model });
      const merges = model.merges.map((merge) => (typeof merge === "string" ? merge.split(" ") : merge));
      const pairs = { ids: new Map(Object.entries(model.vocab)), merges: merges as [string, string][], suffix: "" };
      const long = new LongWords(pairs);
      const random = createRandom(5);
      for (const length of [1, 2, 300, 3000]) {
        const word = randomText(random, length);
        const tokens: string[] = [];
        runThrough(long.merge(word, tokens));
        expect(tokens).toEqual(library.model.bpe!(word));
      }
    },
  );
});
