import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { encodeDocuments, splitDocuments } from "../../src/text/documents.ts";
import { createTokenizer } from "../../src/text/tokenizer.ts";
import { readText, sharedFile } from "../helpers/shared.ts";
import { FIXTURES, openTiny, readJson } from "./tokenizers.ts";

describe("splitDocuments", () => {
  it("strips newlines at both ends and skips empty documents", () => {
    const text = "\n\na b \n<|endoftext|>\n<|endoftext|>\n\n c\n\nd\n<|endoftext|>\n";
    expect(splitDocuments(text)).toEqual(["a b ", " c\n\nd"]);
  });

  it("knows lines that end in a carriage return", () => {
    expect(splitDocuments("a\r\n<|endoftext|>\r\nb\r\n")).toEqual(["a", "b"]);
  });

  it("leaves any other text alone", () => {
    expect(splitDocuments("a <|endoftext|> b\n <|endoftext|>\n")).toBeUndefined();
    expect(splitDocuments("a\nb\n")).toBeUndefined();
  });
});

describe("encodeDocuments", () => {
  const tiny = openTiny();
  const hello = tiny.encode("Hello world");

  it("puts the BOS id before each document", async () => {
    const text = "Hello world\n<|endoftext|>\nHello world\n";
    expect(await encodeDocuments(tiny, text)).toEqual([0, ...hello, 0, ...hello]);
    expect(await encodeDocuments(tiny, text, { startId: 7 })).toEqual([7, ...hello, 7, ...hello]);
  });

  it("encodes any other text as it is", async () => {
    expect(await encodeDocuments(tiny, "\nHello")).toEqual(tiny.encode("\nHello"));
  });

  it("takes the EOS id where there is no BOS, and wants one of them", async () => {
    const json = { ...readJson(`${FIXTURES}/metaspace.json`), post_processor: null };
    const withEos = createTokenizer(json, { eos_token: "</s>" }, "metaspace");
    expect(await encodeDocuments(withEos, "a\n<|endoftext|>\nb")).toEqual([
      2,
      ...withEos.encode("a"),
      2,
      ...withEos.encode("b"),
    ]);
    const without = createTokenizer(json, undefined, "metaspace");
    await expect(encodeDocuments(without, "a\n<|endoftext|>\nb")).rejects.toThrow(UsageError);
  });
});

interface Stream {
  readonly tokens: number;
  readonly firstIds: number[];
  readonly lastIds: number[];
  readonly idsSha256: string;
}

describe("encodeDocuments on the corpora", () => {
  const expected = sharedFile("fixtures/eval/fable-mixtral/perplexity.json");
  const stories = sharedFile("data/corpus/tinystories-valid.txt");
  const wiki = sharedFile("data/wikitext2/raw/wiki.test.raw.gz");
  const tiny = openTiny();

  function expectStream(ids: readonly number[], name: string): void {
    const stream = (readJson(expected!)["texts"] as Record<string, Stream>)[name];
    expect(ids.length).toBe(stream.tokens);
    expect(ids.slice(0, stream.firstIds.length)).toEqual(stream.firstIds);
    expect(ids.slice(-stream.lastIds.length)).toEqual(stream.lastIds);
    const sha256 = createHash("sha256")
      .update(new Uint8Array(Uint32Array.from(ids).buffer))
      .digest("hex");
    expect(sha256).toBe(stream.idsSha256);
  }

  it.skipIf(expected === undefined || stories === undefined)("gives the reference's ids for stories", async () => {
    const parts: string[] = [];
    let bytes = 0;
    for (const part of readText(stories!).split("<|endoftext|>")) {
      if (bytes < 200_000) parts.push(part);
      bytes += Buffer.byteLength(part) + "<|endoftext|>".length;
    }
    expectStream(await encodeDocuments(tiny, parts.join("<|endoftext|>")), "tinystories");
  });

  it.skipIf(expected === undefined || wiki === undefined)("gives the reference's ids for one long text", async () => {
    expectStream(await encodeDocuments(tiny, readText(wiki!)), "wikitext2");
  });
});
