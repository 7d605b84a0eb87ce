import { describe, expect, it } from "vitest";
import { createTextStream } from "../../src/text/text-stream.ts";
import { createTokenizer, type Tokenizer } from "../../src/text/tokenizer.ts";
import { readJsonLines } from "../helpers/shared.ts";
import { FIXTURES, openTiny, readJson, TOKENIZERS } from "./tokenizers.ts";

interface Expected {
  readonly ids: number[];
  readonly pieces: string[];
  readonly text: string;
  readonly prefixes: string[];
}

function piecesOf(tokenizer: Tokenizer, ids: readonly number[]): string[] {
  const stream = createTextStream(tokenizer);
  return [...ids.map((id) => stream.push(id)), stream.flush()];
}

/** The same tokenizer as if its decoder did not work on bytes. */
function withoutBytes(tokenizer: Tokenizer): Tokenizer {
  const { vocabSize, bosId, eosId, specialIds } = tokenizer;
  return {
    ...{ vocabSize, bosId, eosId, addsBos: false, specialIds, isByteLevel: false, bytesOf: () => undefined },
    encode: (text) => tokenizer.encode(text),
    encodeAsync: (text) => tokenizer.encodeAsync(text),
    decode: (ids) => tokenizer.decode(ids),
    tokenOf: (id) => tokenizer.tokenOf(id),
    idOf: (token) => tokenizer.idOf(token),
  };
}

describe.each(TOKENIZERS)("createTextStream on $name", ({ streamFixture, open }) => {
  it.skipIf(open === undefined || streamFixture === undefined)("shows the pieces of the reference", () => {
    const tokenizer = open!();
    const lines = readJsonLines<Expected>(streamFixture!);
    expect(lines.length).toBeGreaterThan(8);
    for (const { ids, pieces, text, prefixes } of lines) {
      expect(piecesOf(tokenizer, ids)).toEqual(pieces);
      expect(piecesOf(withoutBytes(tokenizer), ids)).toEqual(pieces);
      expect(pieces.join("")).toBe(text);
      expect(ids.map((_, i) => tokenizer.decode(ids.slice(0, i + 1)))).toEqual(prefixes);
    }
  });
});

describe("createTextStream", () => {
  const tiny = openTiny();
  const byteId = (byte: number) =>
    Array.from({ length: 300 }, (_, id) => id).find((id) => {
      const bytes = tiny.bytesOf(id)!;
      return bytes.length === 1 && bytes[0] === byte;
    })!;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  it.each([
    [[0xf0, 0x9f]],
    [[0xf0, 0x9f, 0x41]],
    [[0xe0, 0x80, 0x80]],
    [[0xed, 0xa0, 0x80]],
    [[0xf4, 0x90, 0x80, 0x80]],
    [[0xf0, 0x80]],
    [[0xc1, 0xbf]],
    [[0xff, 0xfe, 0x20]],
    [[0x80, 0xe2, 0x82, 0xe2, 0x82, 0xac]],
    [[0xef, 0xbb, 0xbf, 0x41]],
  ])("turns the bytes %j into the text that a whole decoding gives", (bytes) => {
    const pieces = piecesOf(tiny, bytes.map(byteId));
    expect(pieces.join("")).toBe(decoder.decode(Uint8Array.from(bytes)));
  });

  it("shows a broken byte at once, not only when the next character is whole", () => {
    expect(piecesOf(tiny, [byteId(0xff), byteId(0x41)])).toEqual(["\ufffd", "A", ""]);
  });

  it("leaves special tokens out when asked, and shows nothing for ids past the vocabulary", () => {
    const stream = createTextStream(tiny, { skipSpecial: true });
    expect([0, 98, 5000].map((id) => stream.push(id))).toEqual(["", "a", ""]);
    expect(createTextStream(tiny).push(0)).toBe("<|endoftext|>");
  });

  it("begins anew after a flush", () => {
    const stream = createTextStream(tiny);
    expect(stream.push(byteId(0xf0))).toBe("");
    expect(stream.flush()).toBe("\ufffd");
    expect(stream.flush()).toBe("");
    expect(stream.push(98)).toBe("a");
  });

  it("agrees with the whole decoding where spaces are written as U+2581", () => {
    const tokenizer = createTokenizer(readJson(`${FIXTURES}/metaspace.json`), undefined, "metaspace");
    const ids = tokenizer.encode("The miller \u{1f44b} and  the cat");
    const pieces = piecesOf(tokenizer, ids);
    expect(pieces[0]).toBe("The");
    expect(pieces.join("")).toBe("The miller \u{1f44b} and  the cat");
  });
});
