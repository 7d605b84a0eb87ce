import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { createRandom, type Random } from "../../../src/base/random.ts";
import { encodeDocuments } from "../../../src/text/documents.ts";
import { createTokenizer } from "../../../src/text/tokenizer.ts";
import { FIXTURES, readJson, TOKENIZERS } from "../tokenizers.ts";

const metaspace = createTokenizer(readJson(`${FIXTURES}/metaspace.json`), undefined, "metaspace");

/** First and last code points: ASCII, Latin, marks, Hebrew and Arabic, CJK, kana, Hangul, emoji, private use, tags. */
const RANGES = [
  ...[
    [0x00, 0x7f],
    [0x20, 0x7e],
    [0x80, 0x24f],
    [0x300, 0x36f],
    [0x590, 0x6ff],
    [0x900, 0x97f],
    [0x2000, 0x206f],
  ],
  ...[
    [0x4e00, 0x9fff],
    [0x3040, 0x30ff],
    [0xac00, 0xd7a3],
    [0x1f300, 0x1faff],
    [0xe000, 0xf8ff],
    [0xe0000, 0xe01ef],
  ],
  ...[
    [0xfe00, 0xffff],
    [0x10000, 0x10ffff],
  ],
];

function randomText(random: Random, length: number): string {
  let text = "";
  while (text.length < length) {
    const [first, last] = RANGES[random.integer(RANGES.length)];
    for (let run = random.integer(8); run >= 0; run--)
      text += String.fromCodePoint(first + random.integer(last - first + 1));
  }
  return text;
}

describe.each(TOKENIZERS.filter(({ open }) => open !== undefined))(
  "a byte-level tokenizer, $name",
  ({ name, open }) => {
    const tokenizer = open!();
    const random = createRandom(11);
    // The vocabulary of smol-moe lacks some control characters and what begins planes without characters.
    const texts = Array.from({ length: 200 }, () => randomText(random, 1 + random.integer(60))).filter(
      (text) => name !== "smol-moe" || !/[\p{Cc}\u{40000}-\u{bffff}]/u.test(text),
    );

    it("gives every text back", () => {
      // Qwen3's puts texts into NFC first.
      const kept = (text: string) => (name === "qwen3" ? text.normalize("NFC") : text);
      for (const text of texts) expect(tokenizer.decode(tokenizer.encode(text))).toBe(kept(text));
    });

    it("encodes alike at once and in turns, as a whole and in sections", async () => {
      for (const text of texts.slice(0, 50)) expect(await tokenizer.encodeAsync(text)).toEqual(tokenizer.encode(text));
      const ids = texts.map((text) => tokenizer.encode(text));
      const mark = tokenizer.tokenOf([...tokenizer.specialIds][0])!;
      const whole = await tokenizer.encodeAsync(texts.join(mark));
      expect(whole).toEqual(ids.flatMap((part, i) => (i === 0 ? part : [tokenizer.idOf(mark)!, ...part])));
    });
  },
);

describe.runIf(TOKENIZERS[1].open)("smol-moe, whose vocabulary lacks some bytes and an unknown token", () => {
  it("says so instead of leaving them out", () => {
    const tokenizer = TOKENIZERS[1].open!();
    expect(() => tokenizer.encode("a\u{80000}b")).toThrow(UsageError);
    expect(() => tokenizer.encode("a\u{80000}b")).toThrow("that the tokenizer's vocabulary can spell");
  });
});

describe("encodeAsync", () => {
  const tiny = TOKENIZERS[0].open!();
  const letters = Array.from({ length: 1_000_000 }, (_, i) => "etaoin"[(i * i + (i >> 3)) % 6]).join("");

  it.each([
    ["byte-level", tiny],
    ["metaspace", metaspace],
  ])("takes a million letters in one word: %s", async (_, tokenizer) => {
    const ids = await tokenizer.encodeAsync(letters);
    expect(ids).toEqual(tokenizer.encode(letters));
    expect(tokenizer.decode(ids)).toBe(letters);
  });

  it("keeps to what short words give, however long the word", () => {
    const word = letters.slice(0, 5000);
    expect(tiny.encode(`${word} ${word.slice(0, 200)}`).slice(tiny.encode(word).length)).toEqual(
      tiny.encode(` ${word.slice(0, 200)}`),
    );
  });

  it.each([
    ["one word", letters],
    ["words", "The cat sat on the mat. ".repeat(50_000)],
    ["spaces", " ".repeat(1_000_000)],
  ])("stops when aborted while the event loop turns: %s", async (_, text) => {
    const controller = new AbortController();
    const stop = setTimeout(() => controller.abort(new Error("enough")), 1);
    await expect(tiny.encodeAsync(text, { signal: controller.signal })).rejects.toThrow("enough");
    clearTimeout(stop);
  });

  it("does not begin when aborted before, however short the text", async () => {
    await expect(tiny.encodeAsync("a", { signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow("no");
    const documents = encodeDocuments(tiny, "a\n<|endoftext|>\nb", { signal: AbortSignal.abort(new Error("no")) });
    await expect(documents).rejects.toThrow("no");
  });

  it("encodes two texts at the same time", async () => {
    const texts = ["The cat. ".repeat(20_000), "A dog? ".repeat(20_000)];
    const both = await Promise.all(texts.map((text) => tiny.encodeAsync(text)));
    expect(both).toEqual(texts.map((text) => tiny.encode(text)));
  });
});
