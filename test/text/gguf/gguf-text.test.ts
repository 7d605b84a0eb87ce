import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FormatError, UnsupportedError } from "../../../src/base/errors.ts";
import { bytesSource } from "../../../src/files/source.ts";
import { openGguf } from "../../../src/format/gguf/gguf-header.ts";
import { readGgufText } from "../../../src/text/gguf/gguf-text.ts";
import { createGgufTokenizer, createTokenizer, type Tokenizer } from "../../../src/text/tokenizer.ts";
import { mulberry32 } from "../../helpers/random.ts";
import { readJsonLines, repositoryFile, sharedFile } from "../../helpers/shared.ts";
import { FIXTURES, readJson } from "../tokenizers.ts";
import { type Metadata, metadataSource, sentencePieces } from "./metadata-source.ts";
import { sentencePieceTwin } from "./sentence-piece-twin.ts";

const open = (keys: Metadata): Tokenizer => createGgufTokenizer(readGgufText(metadataSource(keys))!, "m.gguf");

/** The repository's tiny tokenizer as metadata. */
function tinyMetadata(pre: string): Metadata {
  const { model } = readJson(repositoryFile("models/fable-mixtral/tokenizer.json")) as {
    model: { vocab: Record<string, number>; merges: (string | string[])[] };
  };
  const tokens = Object.keys(model.vocab).sort((a, b) => model.vocab[a] - model.vocab[b]);
  const merges = model.merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" ")));
  return { "ggml.model": "gpt2", "ggml.pre": pre, "ggml.tokens": tokens, "ggml.merges": merges };
}

interface PreCase {
  readonly names: readonly string[];
  readonly rows: readonly (readonly [string, number[]])[];
}

describe("a gpt2 tokenizer of a GGUF file", () => {
  it.each(readJsonLines<PreCase>(`${FIXTURES}/gguf-pre.jsonl`))("cuts words as $names.0 does", ({ names, rows }) => {
    const tokenizers = names.map((name) => open(tinyMetadata(name)));
    for (const [text, ids] of rows)
      for (const tokenizer of tokenizers) expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
  });

  it("knows the pre-tokenizers of the models that people run", () => {
    const known = readJsonLines<PreCase>(`${FIXTURES}/gguf-pre.jsonl`).flatMap(({ names }) => names);
    const wanted = [
      ...["default", "llama-bpe", "deepseek-llm", "deepseek-coder", "deepseek-v3", "qwen2", "olmo", "gpt-2", "refact"],
      ...["command-r", "smollm", "dbrx", "tekken", "chatglm-bpe", "glm4", "llama4", "gpt-4o", "lfm2", "starcoder"],
    ];
    expect(wanted.filter((name) => !known.includes(name))).toEqual([]);
  });

  it("refuses a pre-tokenizer that it does not know, by name", () => {
    expect(() => open(tinyMetadata("frog"))).toThrow(UnsupportedError);
    expect(() => open(tinyMetadata("frog"))).toThrow(
      'm.gguf: tokenizer.ggml.pre: found "frog", expected one of default',
    );
  });

  it("has control tokens as special ones and the user's as added ones", () => {
    const types = Array.from({ length: 4096 }, (_, id) => (id === 0 ? 3 : id === 300 ? 4 : 1));
    const keys = { ...tinyMetadata("gpt-2"), "ggml.token_type": types, "ggml.bos_token_id": 0, "ggml.eos_token_id": 0 };
    const tokenizer = open(keys);
    expect([...tokenizer.specialIds]).toEqual([0]);
    expect([tokenizer.bosId, tokenizer.eosId, tokenizer.addsBos]).toEqual([0, 0, false]);
    const text = "<|endoftext|>";
    expect(tokenizer.encode(text)).toEqual([0]);
    expect(tokenizer.encode(text, { specialTokens: "text" }).length).toBeGreaterThan(1);
    const added = tokenizer.tokenOf(300)!;
    expect(tokenizer.encode(`q${added}q`, { specialTokens: "text" })).toContain(300);
  });

  const smol = sharedFile("models/smol-moe/smol-moe.gguf");
  it.skipIf(smol === undefined)("gives smol-moe's ids, from the file itself", async () => {
    const { metadata } = await openGguf(bytesSource("smol-moe.gguf", readFileSync(smol!)));
    const text = readGgufText(metadata)!;
    const tokenizer = createGgufTokenizer(text, "smol-moe.gguf");
    const folder = readJson(sharedFile("models/smol-moe/tokenizer_config.json")!);
    for (const line of readJsonLines<{ text: string; ids: number[]; decoded: string }>(`${FIXTURES}/smol-moe.jsonl`)) {
      expect(tokenizer.encode(line.text)).toEqual(line.ids);
      expect(tokenizer.decode(line.ids)).toBe(line.decoded);
    }
    for (const key of ["bos_token", "eos_token", "unk_token", "pad_token", "chat_template"])
      expect(text.tokenizerConfig[key]).toBe(folder[key]);
    expect(text.generationConfig).toEqual({ bos_token_id: 1, pad_token_id: 2, eos_token_id: [2, 0] });
  });
});

interface Pieces {
  readonly name: string;
  readonly add_space_prefix: boolean;
  readonly tokens: readonly string[];
  readonly scores: readonly number[];
  readonly types: readonly number[];
  readonly rows: readonly (readonly [string, number[]])[];
  readonly decoded: readonly string[];
}

describe("a llama tokenizer of a GGUF file", () => {
  it.each(readJsonLines<Pieces>(`${FIXTURES}/sentencepiece.jsonl`))("gives SentencePiece's ids: $name", (pieces) => {
    const { tokens, scores, types, add_space_prefix: prefix, rows, decoded } = pieces;
    const keys = {
      ...{ "ggml.model": "llama", "ggml.tokens": tokens, "ggml.scores": scores, "ggml.token_type": types },
      "ggml.add_space_prefix": prefix,
    };
    const tokenizer = open(keys);
    rows.forEach(([text, ids], i) => {
      expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
      expect(tokenizer.decode(ids), JSON.stringify(text)).toBe(decoded[i]);
    });
  });

  it("puts together the leftmost of equal scores, as its twin does", () => {
    const random = mulberry32(11);
    const pick = (count: number) => Math.floor(random() * count);
    for (let round = 0; round < 40; round++) {
      const pieces = new Map<string, number>(["a", "b", "c", "\u2581"].map((piece) => [piece, -9]));
      for (let i = 0; i < 25; i++) {
        const all = [...pieces.keys()];
        pieces.set(all[pick(all.length)] + all[pick(all.length)], -pick(4));
      }
      const keys = sentencePieces([...pieces], { "ggml.add_space_prefix": false });
      const tokenizer = open(keys);
      for (let i = 0; i < 20; i++) {
        const text = Array.from({ length: 1 + pick(30) }, () => "aabbc \u00e9"[pick(7)]).join("");
        const twin = sentencePieceTwin(
          text.replaceAll(" ", "\u2581"),
          keys["ggml.tokens"] as string[],
          keys["ggml.scores"] as number[],
        );
        expect(tokenizer.encode(text), text).toEqual(twin);
      }
    }
  });

  it("has the ids and the additions that SentencePiece has where the file says nothing", () => {
    const tokenizer = open(sentencePieces([["a", -1]]));
    expect([tokenizer.bosId, tokenizer.eosId, tokenizer.addsBos]).toEqual([1, 2, true]);
    expect(tokenizer.encode("a")).toEqual([...[0xe2, 0x96, 0x81].map((byte) => byte + 3), 259]);
    expect(open(sentencePieces([["a", -1]], { "ggml.add_bos_token": false })).addsBos).toBe(false);
  });

  it("begins each text between special tokens with a space", () => {
    const tokenizer = open(
      sentencePieces([
        ["a", -1],
        ["\u2581", -2],
      ]),
    );
    expect(tokenizer.encode("<s>a</s>a")).toEqual([1, 260, 259, 2, 260, 259]);
  });
});

describe("readGgufText", () => {
  const pieces = sentencePieces([["a", -1]]);

  it.each<[string, Metadata, string]>([
    [
      "another model",
      { "ggml.model": "bert" },
      'm.gguf: tokenizer.ggml.model: found "bert", expected one of gpt2, llama',
    ],
    ["no tokens", { "ggml.model": "llama" }, "m.gguf: tokenizer.ggml.tokens: found none, expected the vocabulary"],
    ["no scores", { ...pieces, "ggml.scores": undefined }, "tokenizer.ggml.scores: found none"],
    ["too few scores", { ...pieces, "ggml.scores": [1] }, "found 1 numbers, expected one for each of 260 tokens"],
    [
      "scores that are none",
      { ...pieces, "ggml.scores": Array(260).fill(Number.NaN) },
      "found NaN at 0, expected a number",
    ],
    [
      "a token twice",
      { ...pieces, "ggml.tokens": Array(260).fill("a") },
      'found "a" as 0 and as 1, expected each token once',
    ],
    ["no merges", { ...tinyMetadata("gpt-2"), "ggml.merges": undefined }, "tokenizer.ggml.merges: found none"],
    ["a merge of one", { ...tinyMetadata("gpt-2"), "ggml.merges": ["ab"] }, 'found "ab" at 0, expected two tokens'],
  ])("refuses %s", (_, keys, sentence) => {
    const read = () => readGgufText(metadataSource(keys));
    expect(read).toThrow(sentence);
    expect(read).toThrow(/bert/.test(sentence) ? UnsupportedError : FormatError);
  });

  it("gives nothing for a file without a tokenizer", () => {
    expect(readGgufText(metadataSource({}))).toBeUndefined();
    expect(readGgufText(metadataSource({ "ggml.model": "none" }))).toBeUndefined();
  });

  it("makes a tokenizer.json that opens by itself, and the templates by their names", () => {
    const keys = { ...pieces, chat_template: "A", chat_templates: ["tool_use"], "chat_template.tool_use": "B" };
    const { tokenizerJson, tokenizerConfig } = readGgufText(metadataSource(keys))!;
    const plain = JSON.parse(JSON.stringify(tokenizerJson)) as unknown;
    expect(createTokenizer(plain, tokenizerConfig, "t").encode("a")).toEqual(open(keys).encode("a"));
    expect(tokenizerConfig["chat_template"]).toEqual([
      { name: "default", template: "A" },
      { name: "tool_use", template: "B" },
    ]);
    expect(tokenizerJson["post_processor"]).toMatchObject({ type: "TemplateProcessing" });
  });

  it("says which tokens end a text", () => {
    const types = [...(pieces["ggml.token_type"] as number[]), 3];
    const tokens = [...(pieces["ggml.tokens"] as string[]), "<|im_end|>"];
    const scores = [...(pieces["ggml.scores"] as number[]), 0];
    const keys = { ...pieces, "ggml.tokens": tokens, "ggml.token_type": types, "ggml.scores": scores };
    const ends = (more: Metadata) =>
      readGgufText(metadataSource({ ...keys, ...more }))!.generationConfig["eos_token_id"];
    expect(ends({})).toEqual([2, 260]);
    expect(ends({ "ggml.eos_token_id": 260, "ggml.eot_token_id": 259 })).toEqual([260, 259]);
  });

  const generator = sharedFile("tools/gguf-gen.mjs");
  it.skipIf(generator === undefined)("opens every tokenizer that the generator of GGUF files writes", async () => {
    const { metadata, preset } = (await import(generator!)) as {
      metadata(preset: unknown, type: string): [string, string, unknown][];
      preset(name: string): unknown;
    };
    for (const name of ["mixtral", "olmoe", "qwen2moe", "qwen3moe", "deepseek", "granitemoe"]) {
      const keys = metadata(preset(`${name}-tiny`), "f32").map(([key, , value]) => [
        key.replace("tokenizer.", ""),
        value,
      ]);
      const tokenizer = open(Object.fromEntries(keys) as Metadata);
      const text = "the  the\u00e9 in a";
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      expect(tokenizer.vocabSize).toBe(320);
    }
  });
});
