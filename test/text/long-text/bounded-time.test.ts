import { describe, expect, it } from "vitest";
import { UnsupportedError, UsageError } from "../../../src/base/errors.ts";
import { createTokenizer } from "../../../src/text/tokenizer.ts";
import { FIXTURES, readJson } from "../tokenizers.ts";

const open = (parts: Record<string, unknown>) =>
  createTokenizer({ model: { type: "BPE", vocab: { a: 0, b: 1, " ": 2 }, merges: [] }, ...parts }, undefined, "t.json");
const split = (source: string) => ({ type: "Split", pattern: { Regex: source }, behavior: "Isolated", invert: false });

describe("a tokenizer's time", () => {
  it("is bounded by refusing patterns of every kind of step that can hang", () => {
    const replace = { type: "Replace", pattern: { Regex: "(a+)+$" }, content: "" };
    for (const parts of [
      { pre_tokenizer: split("(a+)+$") },
      { pre_tokenizer: { type: "Sequence", pretokenizers: [split("(a+)+$")] } },
      { normalizer: replace },
      { decoder: { type: "Sequence", decoders: [replace] } },
    ])
      expect(() => open(parts)).toThrow(UnsupportedError);
  });

  it("grows with the spaces that Strip takes off, and with those that it meets on the way", () => {
    const tokenizer = open({ normalizer: { type: "Strip", strip_left: true, strip_right: true } });
    const spaces = " ".repeat(300_000);
    const ids = tokenizer.encode(`${spaces}a${spaces}b${spaces}`);
    expect(ids.length).toBe(300_002);
    expect([ids[0], ids[1], ids.at(-1)]).toEqual([0, 2, 1]);
  });

  it("ends with an abort where a pattern takes the square of a text", async () => {
    const tokenizer = open({ pre_tokenizer: split("a+b") });
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), 5);
    const encoding = tokenizer.encodeAsync("a".repeat(500_000), { signal: controller.signal });
    await expect(encoding).rejects.toThrow("enough");
  });

  it("has a limit for the words of a Unigram model", () => {
    const model = {
      type: "Unigram",
      vocab: [
        ["<unk>", 0],
        ["a", -1],
      ],
      unk_id: 0,
    };
    const tokenizer = open({ model });
    expect(tokenizer.encode("a".repeat(50_000)).length).toBe(50_000);
    expect(() => tokenizer.encode("a".repeat(50_001))).toThrow(UsageError);
    expect(() => tokenizer.encode("a".repeat(50_001))).toThrow(
      "text: found a word of 50001 characters, expected at most",
    );
  });
});

describe("bytes as tokens", () => {
  const tokenizer = createTokenizer(readJson(`${FIXTURES}/metaspace.json`), undefined, "metaspace");
  const idsOf = (bytes: readonly string[]) => bytes.map((byte) => tokenizer.idOf(`<0x${byte}>`)!);

  it("keep a byte order mark", () => {
    expect(tokenizer.decode(idsOf(["EF", "BB", "BF", "C3", "A9"]))).toBe("\ufeff\u00e9");
  });

  it("are one U+FFFD each where a run is no UTF-8", () => {
    expect(tokenizer.decode(idsOf(["C3", "A9", "E2", "82"]))).toBe("\ufffd\ufffd\ufffd\ufffd");
  });
});
