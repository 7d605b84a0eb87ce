import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quern, TINY_MODEL } from "../quern.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-tokenize-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("quern tokenize", () => {
  it("prints the ids of a text and the text of ids", () => {
    expect(quern(["tokenize", TINY_MODEL, "--text", "Hello, world!"])).toEqual({
      status: 0,
      stdout: "2095,45,1024,34\n",
      stderr: "",
    });
    expect(quern(["tokenize", TINY_MODEL, "--decode", "2095,45, 1024 34"]).stdout).toBe("Hello, world!\n");
  });

  it("prints one JSON document", () => {
    const encoded = quern(["tokenize", TINY_MODEL, "--text", "Hello world", "--json"]);
    expect(JSON.parse(encoded.stdout)).toEqual({ ids: [2095, 1024], text: "Hello world" });
    expect(encoded.stderr).toBe("");
    const decoded = quern(["tokenize", TINY_MODEL, "--json", "--decode", "0,2095,1024"]);
    expect(JSON.parse(decoded.stdout)).toEqual({ ids: [0, 2095, 1024], text: "<|endoftext|>Hello world" });
  });

  it("takes special tokens as ids, or as text when asked", () => {
    expect(quern(["tokenize", TINY_MODEL, "--text", "<|endoftext|>"]).stdout).toBe("0\n");
    const asText = quern(["tokenize", TINY_MODEL, "--text", "<|endoftext|>", "--special-as-text"]);
    expect(asText.stdout).toBe("61,125,423,112,714,2805,125,63\n");
    expect(quern(["tokenize", TINY_MODEL, "--decode", "0,98", "--skip-special"]).stdout).toBe("a\n");
  });

  it("encodes a file or stdin as one string as it is", () => {
    const text = "\nHello world\n<|endoftext|>\nHello\n";
    const plain = join(folder, "a.txt");
    const packed = join(folder, "a.raw.gz");
    writeFileSync(plain, text);
    writeFileSync(packed, gzipSync(text));
    const expected = { ids: [11, 2095, 1024, 11, 0, 11, 2095, 11], text };
    for (const run of [
      quern(["tokenize", TINY_MODEL, "--file", plain, "--json"]),
      quern(["tokenize", TINY_MODEL, "--file", packed, "--json"]),
      quern(["tokenize", TINY_MODEL, "--file", "-", "--json"], text),
    ]) {
      expect(run.stderr).toBe("");
      expect(JSON.parse(run.stdout)).toEqual(expected);
    }
  });

  it("takes an empty text for a text", () => {
    expect(JSON.parse(quern(["tokenize", TINY_MODEL, "--text", "", "--json"]).stdout)).toEqual({ ids: [], text: "" });
  });

  it("names the tokenizer file that is missing or broken", () => {
    const missing = quern(["tokenize", folder, "--text", "a"]);
    expect(missing.status).toBe(1);
    expect(missing.stdout).toBe("");
    expect(missing.stderr).toContain(`quern: FILE: ${folder}/tokenizer.json: found no such file, expected`);
    const broken = mkdtempSync(join(folder, "broken-"));
    writeFileSync(join(broken, "tokenizer.json"), '{"model": {"type": "BPE", "vocab": {}}}');
    const run = quern(["tokenize", broken, "--text", "a"]);
    expect(run.status).toBe(1);
    expect(run.stderr).toBe(
      `quern: FORMAT: ${broken}/tokenizer.json: model.merges: found nothing, expected an array\n`,
    );
  });

  it("names an id that the vocabulary does not hold", () => {
    const run = quern(["tokenize", TINY_MODEL, "--decode", "1,4096"]);
    expect(run.status).toBe(2);
    expect(run.stderr).toContain(
      "quern: USAGE: ids: found id 4096, expected ids of the tokenizer's vocabulary of 4096",
    );
    expect(quern(["tokenize", TINY_MODEL, "--decode", "1,x"]).stderr).toContain(
      '--decode: found "x", expected token ids',
    );
  });

  it("wants exactly one input", () => {
    expect(quern(["tokenize", TINY_MODEL]).stderr).toContain("found 0 inputs, expected one of --text, --file");
    expect(quern(["tokenize", TINY_MODEL, "--text", "a", "--decode", "1"]).status).toBe(2);
  });
});
