/** The tokenizers that the tests of this room run: those of the repository, and larger ones where their files are at hand. */
import { createTokenizer, type Tokenizer } from "../../src/text/tokenizer.ts";
import { readText, repositoryFile, sharedFile } from "../helpers/shared.ts";

export const FIXTURES: string = repositoryFile("test/fixtures/tokenizers");

/** A named tokenizer with its fixture files; `open` is undefined where the tokenizer's own files are missing. */
export interface TestTokenizer {
  readonly name: string;
  readonly fixture: string | undefined;
  readonly streamFixture: string | undefined;
  readonly open: (() => Tokenizer) | undefined;
}

export function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readText(path)) as Record<string, unknown>;
}

export function openTiny(): Tokenizer {
  const folder = repositoryFile("models/fable-mixtral");
  return createTokenizer(readJson(`${folder}/tokenizer.json`), readJson(`${folder}/tokenizer_config.json`), "tiny");
}

function openGpt2(encoder: string, merges: string): Tokenizer {
  const json = {
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
    decoder: { type: "ByteLevel" },
    added_tokens: [{ id: 50256, content: "<|endoftext|>", special: true, normalized: false }],
    model: { type: "BPE", vocab: readJson(encoder), merges: readText(merges).trim().split("\n").slice(1) },
  };
  return createTokenizer(json, undefined, "gpt2");
}

function ifFound(paths: readonly string[], open: (...paths: string[]) => Tokenizer): (() => Tokenizer) | undefined {
  const found = paths.map(sharedFile).filter((path) => path !== undefined);
  return found.length === paths.length ? () => open(...found) : undefined;
}

const openJson = (path: string) => createTokenizer(readJson(path), undefined, path);

export const TOKENIZERS: readonly TestTokenizer[] = [
  { name: "tiny", fixture: `${FIXTURES}/tiny.jsonl`, streamFixture: `${FIXTURES}/tiny-stream.jsonl`, open: openTiny },
  {
    name: "smol-moe",
    fixture: `${FIXTURES}/smol-moe.jsonl`,
    streamFixture: undefined,
    open: ifFound(["models/smol-moe/tokenizer.json"], openJson),
  },
  {
    name: "gpt2",
    fixture: sharedFile("fixtures/tokenizers/gpt2.jsonl"),
    streamFixture: sharedFile("fixtures/tokenizers/gpt2-stream.jsonl"),
    open: ifFound(["data/tokenizers/gpt2/encoder.json.gz", "data/tokenizers/gpt2/vocab.bpe"], openGpt2),
  },
  {
    name: "qwen3",
    fixture: sharedFile("fixtures/tokenizers/qwen3.jsonl"),
    streamFixture: sharedFile("fixtures/tokenizers/qwen3-stream.jsonl"),
    open: ifFound(["data/tokenizers/qwen3/tokenizer.json.gz"], openJson),
  },
];
