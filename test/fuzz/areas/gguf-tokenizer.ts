/** Tokenizers in the metadata of GGUF files: read, then used both ways. The bytes of the header are damaged in the area `gguf`. */
import { FormatError } from "../../../src/base/errors.ts";
import { parseJsonBytes } from "../../../src/base/json.ts";
import { readGgufText } from "../../../src/text/gguf/gguf-text.ts";
import type { GgufTextSource } from "../../../src/text/gguf/gguf-text-source.ts";
import { createGgufTokenizer } from "../../../src/text/tokenizer.ts";
import { readJsonLines, repositoryFile } from "../../helpers/shared.ts";
import type { Area } from "../area.ts";
import { damageJson, type Extras } from "../json.ts";

const WORDS: Extras = {
  texts: [
    ...[
      "gpt2",
      "llama",
      "bert",
      "default",
      "llama-bpe",
      "deepseek-llm",
      "tekken",
      "gpt-4o",
      "a b",
      "\u2581",
      "\u2581a",
    ],
    ...["<0x41>", "<s>", "{{ messages }}", " ", "ab"],
  ],
};
const LONG = ["a".repeat(2000), " ".repeat(2000), "ab ".repeat(700)];
const TEXT = "Once upon a time, caf\u00e9 \u{1f600} \u0000 <s> don't 123\n\n  a b";

/** Values have the types that are asked for, or are refused: the reader of the file sees to that. */
function typedSource(keys: Readonly<Record<string, unknown>>): GgufTextSource {
  const typed = <T>(key: string, fits: (value: unknown) => boolean): T | undefined => {
    const value = keys[key];
    if (value === undefined || fits(value)) return value as T | undefined;
    throw new FormatError(`fuzz: ${key}`, "found another type, expected the key's own");
  };
  const all = (type: string) => (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === type);
  return {
    where: "fuzz",
    text: (key) => typed(key, (value) => typeof value === "string"),
    flag: (key) => typed(key, (value) => typeof value === "boolean"),
    number: (key) => typed(key, (value) => typeof value === "number"),
    texts: (key) => typed(key, all("string")),
    numbers: (key) => typed(key, all("number")),
  };
}

function prefixed(keys: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(keys).map(([key, value]) => [`tokenizer.${key}`, value]));
}

interface Pieces {
  readonly tokens: readonly string[];
  readonly scores: readonly number[];
  readonly types: readonly number[];
}

export async function ggufTokenizer(): Promise<Area> {
  const [{ tokens, scores, types }] = readJsonLines<Pieces>(
    repositoryFile("test/fixtures/tokenizers/sentencepiece.jsonl"),
  );
  const shared = {
    "ggml.bos_token_id": 1,
    "ggml.eos_token_id": 2,
    "ggml.add_bos_token": true,
    chat_template: "{{ 1 }}",
  };
  const pieces = { "ggml.tokens": tokens, "ggml.scores": scores, "ggml.token_type": types, ...shared };
  const bytes = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
  const pairs = ["a", "b", "\u0120"].flatMap((left) => ["c", "d"].map((right) => [left, right] as const));
  const words = { "ggml.tokens": [...bytes, "\u0120", ...pairs.map((pair) => pair.join(""))], ...shared };
  const seeds = [
    { "ggml.model": "llama", "ggml.add_space_prefix": true, ...pieces },
    { "ggml.model": "gpt2", "ggml.pre": "llama-bpe", "ggml.merges": pairs.map((pair) => pair.join(" ")), ...words },
  ].map(prefixed);
  return {
    make: (dice) => ({ "metadata.json": damageJson(dice.pick(seeds), dice, WORDS) }),
    async run(input) {
      const keys = parseJsonBytes(input["metadata.json"], "metadata.json") as Readonly<Record<string, unknown>>;
      const text = readGgufText(typedSource(keys ?? {}));
      if (text === undefined) return;
      const tokenizer = createGgufTokenizer(text, "fuzz");
      const ids = tokenizer.encode(TEXT);
      if (ids.some((id) => !Number.isSafeInteger(id))) throw new Error(`ids are ${ids.slice(0, 20).join(" ")}`);
      tokenizer.decode(ids);
      if (input["metadata.json"].length % 10 === 0) for (const long of LONG) tokenizer.encode(long);
    },
  };
}
