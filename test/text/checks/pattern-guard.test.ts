import { describe, expect, it } from "vitest";
import { FormatError, UnsupportedError } from "../../../src/base/errors.ts";
import { compileTokenizerPattern } from "../../../src/text/checks/pattern-guard.ts";

/** Patterns of tokenizers in use. */
const IN_USE: Readonly<Record<string, string>> = {
  "GPT-2": "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  "Llama 3":
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "Qwen 2":
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  cl100k:
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s",
  o200k:
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "DeepSeek V3":
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "DeepSeek, ideographs and kana": "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
  "DeepSeek LLM": "\\s?[A-Za-z\u00b5\u00c0-\u00d6]+|\\s?[!-/:-~\uff01-\uff0f\u2018-\u201f\u3000-\u3002]+|\\s+$",
  "Kimi K2":
    "[\\p{Han}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}",
  BLOOM: " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+",
  "digits in threes from the right": "(?=(\\d{3})+(?!\\d))",
  "words with marks": "(?:\\p{L}\\p{M}*)+",
  spaces: " {2,}",
  numbers: "\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?",
};

const WHERE = "tokenizer.json: pre_tokenizer.pattern.Regex";

describe("compileTokenizerPattern", () => {
  it.each(Object.entries(IN_USE))("takes the pattern of %s", (_, source) => {
    expect(compileTokenizerPattern(source, WHERE)).toBeInstanceOf(RegExp);
  });

  it.each([
    ["(a+)+$", "more than one way"],
    ["(a|a)*$", "more than one way"],
    ["(?:a|aa)+$", "more than one way"],
    ["([a-z]|[\\w])+!", "more than one way"],
    ["(?:\\p{Lu}|[[:alpha:]])*!", "more than one way"],
    ["(a*)*c", "repeats what may be empty"],
    ["(?:a?b?){2,30}c", "repeats what may be empty"],
    ["(?:[A-Z]+[a-z]*)+!", "more than one way"],
    ["(?=(a+)+$)b", "more than one way"],
    ["x(?:(?:a|b)+c?)*$", "more than one way"],
    ["a*a*a*a*c", "repeats the same characters twice"],
    ["(a+)(a+)$", "repeats the same characters twice"],
    [".*,.*,.*x", "repeats the same characters twice"],
    ["a{0,5000}a{0,5000}b", "repeats the same characters twice"],
    [`${"a?".repeat(30)}${"a".repeat(30)}`, "too many choices"],
    [`${"(a|a)".repeat(30)}b`, "too many choices"],
    ["(?<=c(a+)+)b", "more than one way"],
    ["(a)\\1", "refers back to a group"],
    [`${"(".repeat(60)}a${")".repeat(60)}`, "nests groups more than 50 deep"],
  ])("refuses %s, which may hang", (source, problem) => {
    const compile = () => compileTokenizerPattern(source, WHERE);
    expect(compile).toThrow(UnsupportedError);
    expect(compile).toThrow(problem);
    expect(compile).toThrow(`${WHERE}: found the pattern ${JSON.stringify(source.slice(0, 20)).slice(0, -1)}`);
  });

  it.each([
    ["(", "Unterminated group"],
    ["[b-a]", "Range out of order"],
    ["\\p{Nonsense}", "property name"],
    [`(?:${"a".repeat(10_001)})`, "10005 characters"],
  ])("refuses %s as no expression", (source, problem) => {
    const compile = () => compileTokenizerPattern(source, WHERE);
    expect(compile).toThrow(FormatError);
    expect(compile).toThrow(`${WHERE}: found `);
    expect(compile).toThrow(problem);
  });
});
