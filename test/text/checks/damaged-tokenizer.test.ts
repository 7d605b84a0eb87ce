import { describe, expect, it } from "vitest";
import { FormatError, QuernError, UnsupportedError, UsageError } from "../../../src/base/errors.ts";
import { createRandom, type Random } from "../../../src/base/random.ts";
import { createTokenizer } from "../../../src/text/tokenizer.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { FIXTURES, readJson } from "../tokenizers.ts";

type Json = Record<string, unknown>;

const WHERE = "folder/tokenizer.json";
const open = (json: unknown) => createTokenizer(json, undefined, WHERE);
const bpe = (model: Json): Json => ({
  model: { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: ["a b"], ...model },
});
const withStep = (step: Json): Json => ({ ...bpe({}), ...step });
const nested = (depth: number, key: string): Json =>
  depth === 0 ? { type: "Fuse" } : { type: "Sequence", [key]: [nested(depth - 1, key)] };

const split = (pattern: unknown, more: Json = {}) => ({
  pre_tokenizer: { type: "Split", pattern, behavior: "Isolated", invert: false, ...more },
});

describe("createTokenizer refuses what would lose or garble text", () => {
  it.each<[string, Json, string]>([
    [
      "a merge whose result is no token",
      bpe({ merges: ["a b", "b a"] }),
      'model.merges[1]: found "b a", where "ba" is no token, expected two tokens of model.vocab that make a third',
    ],
    [
      "a merge of what is no token",
      bpe({ merges: [["c", "b"]] }),
      'model.merges[0]: found ["c","b"], where "c" is no token',
    ],
    ["a merge with what is no token", bpe({ merges: ["a c"] }), 'found "a c", where "c" is no token'],
    [
      "merges of two shapes",
      bpe({ merges: [["a", "b"], "a b"] }),
      'model.merges[1]: found "a b", expected a pair of tokens, as',
    ],
    ["a merge of three", bpe({ merges: ["a b ab"] }), "expected a pair of tokens"],
    ["a merge with nothing", bpe({ merges: ["a "] }), "expected a pair of tokens"],
    ["one id for two tokens", bpe({ vocab: { a: 0, b: 0 } }), 'model.vocab["b"]: found the id 0, which "a" has'],
    ["bytes without tokens", bpe({ byte_fallback: true }), "model.byte_fallback: found true without the token <0x00>"],
    [
      "an added token on another's id",
      { ...bpe({}), added_tokens: [{ id: 1, content: "<s>" }] },
      'added_tokens[0].id: found 1, which "b" has',
    ],
    [
      "an added token with a second id",
      { ...bpe({}), added_tokens: [{ id: 7, content: "a" }] },
      'added_tokens[0].id: found 7 for "a", expected 0, which it has already',
    ],
    [
      "two added tokens on one id",
      {
        ...bpe({}),
        added_tokens: [
          { id: 7, content: "x" },
          { id: 7, content: "y" },
        ],
      },
      'which "x" has',
    ],
    [
      "a word model without its unknown token",
      { model: { type: "WordLevel", vocab: { a: 0 } } },
      "model.unk_token: found null",
    ],
    ["scores that are none", { model: { type: "Unigram", vocab: [["a", null]] } }, "model.vocab[0]: found"],
    [
      "an unknown id past the end",
      { model: { type: "Unigram", vocab: [["a", 0]], unk_id: 1 } },
      "model.unk_id: found 1",
    ],
  ])("%s", (_, json, message) => {
    expect(() => open(json)).toThrow(FormatError);
    expect(() => open(json)).toThrow(WHERE);
    expect(() => open(json)).toThrow(message);
  });

  it("says which character a vocabulary without an unknown token cannot spell", () => {
    expect(() => open(bpe({})).encode("abé")).toThrow(UsageError);
    expect(() => open(bpe({})).encode("abé")).toThrow('text: found "é", expected characters');
  });

  it("takes ids in any order and with gaps", () => {
    const tokenizer = open(bpe({ vocab: { ab: 9, b: 0, a: 4 } }));
    expect(tokenizer.encode("abba")).toEqual([9, 0, 4]);
    expect(tokenizer.vocabSize).toBe(10);
    expect(() => tokenizer.decode([5])).toThrow(UsageError);
  });
});

describe("createTokenizer names the file and the field of", () => {
  it.each<[string, Json, string]>([
    ["a decoder of no type", { decoder: {} }, "decoder.type: found nothing, expected a string"],
    ["a decoder that is no object", { decoder: "Fuse" }, 'decoder: found "Fuse", expected an object'],
    [
      "a Sequence of no decoders",
      { decoder: { type: "Sequence" } },
      "decoder.decoders: found nothing, expected an array",
    ],
    ["a null decoder", { decoder: { type: "Sequence", decoders: [null] } }, "decoder.decoders[0]: found null"],
    ["a Replace without its pattern", { decoder: { type: "Replace", content: "" } }, "decoder.pattern: found nothing"],
    ["a Replace with an empty one", { decoder: { type: "Replace", content: "", pattern: {} } }, "expected one of them"],
    [
      "a Replace without its content",
      { decoder: { type: "Replace", pattern: { String: "a" } } },
      "decoder.content: found",
    ],
    [
      "a Replace with a number",
      { decoder: { type: "Replace", content: 5, pattern: { String: "a" } } },
      "content: found 5",
    ],
    [
      "a Strip of no character",
      { decoder: { type: "Strip", content: "ab", start: 1, stop: 0 } },
      "decoder.content: found",
    ],
    ["a Strip of -1", { decoder: { type: "Strip", content: "a", start: -1, stop: 0 } }, "decoder.start: found -1"],
    ["a mark of two characters", { decoder: { type: "Metaspace", replacement: "__" } }, "decoder.replacement: found"],
    ["decoders nested deep", { decoder: nested(1000, "decoders") }, "nested more than 32 deep"],
    ["normalizers nested deep", { normalizer: nested(1000, "normalizers") }, "nested more than 32 deep"],
    ["a pattern that is none", split({ Regex: "(" }), 'pre_tokenizer.pattern.Regex: found the pattern "("'],
    ["a pattern of a number", split({ Regex: 5 }), "pre_tokenizer.pattern.Regex: found 5, expected a string"],
    ["a text of null in a pattern", split({ String: null }), "pre_tokenizer.pattern: found neither"],
    ["an invert that is a word", split({ String: "a" }, { invert: "no" }), 'pre_tokenizer.invert: found "no"'],
    ["a FixedLength of 0", { pre_tokenizer: { type: "FixedLength", length: 0 } }, "pre_tokenizer.length: found 0"],
    [
      "a delimiter of none",
      { pre_tokenizer: { type: "CharDelimiterSplit" } },
      "pre_tokenizer.delimiter: found nothing",
    ],
    ["a Prepend of nothing", { normalizer: { type: "Prepend" } }, "normalizer.prepend: found nothing"],
    [
      "a template of no parts",
      { post_processor: { type: "TemplateProcessing" } },
      "post_processor.single: found nothing",
    ],
    [
      "a template of words",
      { post_processor: { type: "TemplateProcessing", single: ["<s>"] } },
      'single[0]: found "<s>"',
    ],
    ["a list in place of a step", { pre_tokenizer: [] }, "pre_tokenizer: found an array, expected an object"],
  ])("%s", (_, step, message) => {
    expect(() => open(withStep(step))).toThrow(FormatError);
    expect(() => open(withStep(step))).toThrow(message);
    expect(() => open(withStep(step))).toThrow(WHERE);
  });

  it.each<[string, Json, string]>([
    [
      "a decoder nobody knows",
      { decoder: { type: "Rot13" } },
      'decoder: found the type "Rot13", expected one of Sequence',
    ],
    ["a property of objects as a type", { decoder: { type: "constructor" } }, 'the type "constructor"'],
    ["a CTC decoder", { decoder: { type: "CTC" } }, '"CTC"'],
    ["a BPE with a prefix", { model: { type: "BPE", vocab: {}, merges: [], continuing_subword_prefix: "##" } }, '"##"'],
    ["a Precompiled table", { normalizer: { type: "Precompiled", precompiled_charsmap: "" } }, '"Precompiled"'],
    ["a behaviour", split({ String: "a" }, { behavior: "Doubled" }), 'the behavior "Doubled"'],
    ["a post-processor", { post_processor: { type: "Wrap" } }, 'post_processor: found the type "Wrap"'],
    ["a pattern that looks back", split({ Regex: "(a)\\1" }), "pre_tokenizer.pattern.Regex"],
  ])("unsupported: %s", (_, step, message) => {
    expect(() => open(withStep(step))).toThrow(UnsupportedError);
    expect(() => open(withStep(step))).toThrow(message);
    expect(() => open(withStep(step))).toThrow(WHERE);
  });
});

describe("added tokens", () => {
  const special = { special: true, normalized: false };
  const added = [
    { id: 3, content: "<l>", lstrip: true, ...special },
    { id: 4, content: "<r>", rstrip: true, ...special },
    { id: 5, content: "<", ...special },
    { id: 6, content: `<${"a".repeat(400)}>`, ...special },
  ];
  const tokenizer = open({ ...bpe({ vocab: { a: 0, b: 1, ab: 2, " ": 7 } }), added_tokens: added });

  it("strip a million spaces", () => {
    const spaces = " ".repeat(1_000_000);
    expect(tokenizer.encode(`a${spaces}<l>b`)).toEqual([0, 3, 1]);
    expect(tokenizer.encode(`a<r>${spaces}b`)).toEqual([0, 4, 1]);
    expect(tokenizer.encode("a <l> <r> b")).toEqual([0, 3, 7, 4, 1]);
  });

  it("are found at once where a longer one almost stands", () => {
    expect(tokenizer.encode("<a".repeat(200_000)).length).toBe(400_000);
    expect(tokenizer.encode(`<${"a".repeat(400)}><a`)).toEqual([6, 5, 0]);
  });

  it("are refused where they are very long", () => {
    const long = { ...bpe({}), added_tokens: [{ id: 9, content: "x".repeat(501) }] };
    expect(() => open(long)).toThrow("added_tokens[0].content: found 501 characters, expected at most 500");
  });
});

const VALUES: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    -1,
    0,
    1.5,
    2 ** 40,
    "",
    "a",
    "\u2581",
    "(a+)+$",
    "Sequence",
    [],
    {},
    [[]],
    [null],
    "__proto__",
  ],
  ...[
    { type: "Sequence" },
    { String: "" },
    { Regex: "(" },
    { Regex: "a*" },
    "ByteLevel",
    "Metaspace",
    "Fuse",
    "Unigram",
  ],
];

/** A copy with one place changed: gone, or something else. */
function mutate(value: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || random.integer(6) === 0)
    return VALUES[random.integer(VALUES.length)];
  const keys = Object.keys(value);
  if (keys.length === 0) return VALUES[random.integer(VALUES.length)];
  const key = keys[random.integer(keys.length)];
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Json;
  if (random.integer(8) === 0)
    return Array.isArray(copy) ? copy.slice(1) : Object.fromEntries(Object.entries(copy).slice(1));
  copy[key] = mutate(copy[key], random);
  return copy;
}

describe("a tokenizer.json changed at random", () => {
  const bases = [`${FIXTURES}/metaspace.json`, repositoryFile("models/fable-mixtral/tokenizer.json")].map(readJson);
  const steps: Json[] = [
    {
      decoder: {
        type: "Sequence",
        decoders: [{ type: "Strip", content: " ", start: 1, stop: 0 }, { type: "ByteFallback" }],
      },
    },
    { decoder: { type: "WordPiece", prefix: "##", cleanup: true }, normalizer: { type: "Lowercase" } },
    { decoder: { type: "BPEDecoder", suffix: "a" } },
    { ...split({ Regex: "\\s+|a" }), normalizer: { type: "Replace", pattern: { String: "a" }, content: "b" } },
    { pre_tokenizer: { type: "Metaspace", replacement: "\u2581", prepend_scheme: "first", split: true } },
  ];
  const texts = ["", "The cat sat.", " a\u00e9\u8bed\u{1f600}\n<s>", "a".repeat(3000), " ".repeat(3000)];

  it.each([1, 2, 3, 4])("gives a typed error or works, seed %i", (seed) => {
    const random = createRandom(seed);
    let works = 0;
    for (let i = 0; i < 60; i++) {
      let json: unknown = { ...bases[i % 2], ...(random.integer(2) === 0 ? {} : steps[random.integer(steps.length)]) };
      const part = ["decoder", "normalizer", "pre_tokenizer", "model", "added_tokens", "post_processor"][
        random.integer(6)
      ];
      json = { ...(json as Json), [part]: mutate((json as Json)[part], random) };
      if (random.integer(4) === 0) json = mutate(json, random);
      try {
        const tokenizer = open(json);
        for (const text of texts) tokenizer.decode(tokenizer.encode(text));
        works++;
      } catch (error) {
        expect(error, `seed ${seed}, change ${i} of ${part}`).toBeInstanceOf(QuernError);
      }
    }
    expect(works).toBeGreaterThan(5);
    expect(works).toBeLessThan(60);
  });
});
