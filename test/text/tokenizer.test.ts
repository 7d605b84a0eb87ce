import { describe, expect, it } from "vitest";
import { FormatError, UnsupportedError, UsageError } from "../../src/base/errors.ts";
import { createTokenizer } from "../../src/text/tokenizer.ts";
import { readJsonLines } from "../helpers/shared.ts";
import { FIXTURES, openTiny, readJson, TOKENIZERS } from "./tokenizers.ts";

interface Expected {
  readonly text: string;
  readonly ids: number[];
  readonly ids_special_as_text?: number[];
  readonly decoded: string;
  readonly decoded_skip_special?: string;
}

describe.each(TOKENIZERS)("createTokenizer on $name", ({ fixture, open }) => {
  it.skipIf(open === undefined || fixture === undefined)("encodes and decodes as the reference does", () => {
    const tokenizer = open!();
    const lines = readJsonLines<Expected>(fixture!);
    expect(lines.length).toBe(100);
    for (const line of lines) {
      expect(tokenizer.encode(line.text), line.text).toEqual(line.ids);
      if (line.ids_special_as_text !== undefined)
        expect(tokenizer.encode(line.text, { specialTokens: "text" }), line.text).toEqual(line.ids_special_as_text);
      expect(tokenizer.decode(line.ids)).toBe(line.decoded);
      const skipped = line.decoded_skip_special ?? line.decoded;
      expect(tokenizer.decode(line.ids, { skipSpecial: true })).toBe(skipped);
    }
  });
});

interface Variant {
  readonly name: string;
  readonly tokenizer: "tiny" | "metaspace";
  readonly change: Record<string, unknown>;
  readonly rows: [string, number[]][];
  readonly decoded?: string[];
}

const BASES = {
  tiny: readJson(`${FIXTURES}/../../../models/fable-mixtral/tokenizer.json`),
  metaspace: readJson(`${FIXTURES}/metaspace.json`),
};

const VARIANTS = ["variants", "steps", "added-tokens"].flatMap((name) =>
  readJsonLines<Variant>(`${FIXTURES}/${name}.jsonl`),
);

describe.each(VARIANTS)("createTokenizer with $name", (variant) => {
  const open = () => createTokenizer({ ...BASES[variant.tokenizer], ...variant.change }, undefined, variant.name);

  it("encodes as the reference does", () => {
    const tokenizer = open();
    for (const [text, ids] of variant.rows) expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
  });

  if (variant.decoded !== undefined)
    it("decodes as the reference does", () => {
      const tokenizer = open();
      expect(variant.rows.map(([, ids]) => tokenizer.decode(ids))).toEqual(variant.decoded);
    });
});

describe("Tokenizer", () => {
  const tiny = openTiny();

  it("knows its size and its special tokens", () => {
    expect(tiny.vocabSize).toBe(4096);
    expect([tiny.bosId, tiny.eosId]).toEqual([0, 0]);
    expect([...tiny.specialIds]).toEqual([0]);
    expect(tiny.idOf("<|endoftext|>")).toBe(0);
    expect(tiny.tokenOf(259)).toBe("\u0120a");
    expect(tiny.tokenOf(4096)).toBeUndefined();
  });

  it("takes the BOS token from the configuration, as a string or an object, else from the template", () => {
    const { metaspace } = BASES;
    const bosOf = (config: unknown) => createTokenizer(metaspace, config, "metaspace").bosId;
    expect(bosOf({ bos_token: "</s>" })).toBe(2);
    expect(bosOf({ bos_token: { content: "</s>" } })).toBe(2);
    expect(bosOf(undefined)).toBe(1);
  });

  it("names an id outside the vocabulary and the vocabulary's size", () => {
    expect(() => tiny.decode([5, 4096])).toThrow(UsageError);
    expect(() => tiny.decode([5, 4096])).toThrow("found id 4096, expected ids of the tokenizer's vocabulary of 4096");
    expect(() => tiny.decode([-1])).toThrow("id -1");
    expect(() => tiny.decode([1.5])).toThrow("id 1.5");
  });

  it("keeps a byte order mark", () => {
    expect(tiny.decode(tiny.encode("\ufeffa\ufeff"))).toBe("\ufeffa\ufeff");
  });

  it("gives the bytes of a token", () => {
    expect([...tiny.bytesOf(259)!]).toEqual([0x20, 0x61]);
    expect(createTokenizer(BASES.metaspace, undefined, "metaspace").bytesOf(5)).toBeUndefined();
  });
});

describe("createTokenizer", () => {
  const { tiny } = BASES;
  const model = tiny["model"] as Record<string, unknown>;

  it.each([
    ["no object", [], "tokenizer.json: the file: found an array, expected an object"],
    ["no model", {}, "model: found nothing, expected an object"],
    ["no vocabulary", { model: { type: "BPE" } }, "model.vocab: found nothing"],
    [
      "a bad id",
      { model: { type: "BPE", vocab: { a: -1 }, merges: [] } },
      'model.vocab["a"]: found -1, expected an id',
    ],
    ["no merges", { model: { ...model, merges: null } }, "model.merges: found null, expected an array"],
    ["a bad merge", { model: { ...model, merges: ["ab"] } }, 'model.merges[0]: found "ab", expected a pair of tokens'],
    ["a bad added token", { ...tiny, added_tokens: [{ id: "0" }] }, 'added_tokens[0].id: found "0", expected an id'],
    [
      "a bad pattern",
      { ...tiny, pre_tokenizer: { type: "Split", behavior: "Isolated" } },
      "pre_tokenizer.pattern: found nothing, expected an object",
    ],
    [
      "an expression that is none",
      { ...tiny, pre_tokenizer: { type: "Split", behavior: "Isolated", pattern: { Regex: "(" } } },
      'tokenizer.json: pre_tokenizer.pattern.Regex: found the pattern "(", expected a regular expression',
    ],
  ])("throws a FormatError for %s", (_, json, message) => {
    expect(() => createTokenizer(json, undefined, "tokenizer.json")).toThrow(FormatError);
    expect(() => createTokenizer(json, undefined, "tokenizer.json")).toThrow(message);
  });

  it("throws an UnsupportedError for a step it does not know", () => {
    const open = () => createTokenizer({ ...tiny, pre_tokenizer: { type: "Runes" } }, undefined, "tokenizer.json");
    expect(open).toThrow(UnsupportedError);
    expect(open).toThrow('tokenizer.json: pre_tokenizer: found the type "Runes", expected one of Sequence, ByteLevel');
  });
});
