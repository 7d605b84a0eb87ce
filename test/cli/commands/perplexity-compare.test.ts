import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quern, TINY_MODEL } from "../quern.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-scoring-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const IDS = Array.from({ length: 64 }, (_, i) => (i * 31) % 4096);
/** Two windows in one file of their own kind, and the same ids as one stream. */
const WINDOWS = [IDS.slice(0, 32), IDS.slice(32)];

function file(name: string, value: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(value));
  return path;
}

const run = (command: string, path: string, ...more: readonly string[]) => {
  const reference = command === "compare" ? ["--reference", TINY_MODEL, "--activations", "int8"] : [];
  return quern([command, TINY_MODEL, "--ids-file", path, ...reference, ...more, "--json", "--quiet"]);
};

describe.each(["perplexity", "compare"])("quern %s", (command) => {
  it("takes windows as a file gives them, as it takes those it cuts", () => {
    const { window, ...cut } = JSON.parse(run(command, file("ids.json", IDS), "--window", "32").stdout);
    expect(JSON.parse(run(command, file("windows.json", { windows: WINDOWS })).stdout)).toEqual(cut);
    expect(cut.scoredTokens).toBe(62);
    if (command === "perplexity") expect(window).toBe(32);
  });

  it("scores windows of different lengths", () => {
    const uneven = { windows: [IDS.slice(0, 5), IDS.slice(5, 25)] };
    expect(JSON.parse(run(command, file("uneven.json", uneven)).stdout)).toMatchObject({ scoredTokens: 23 });
  });

  it.each([
    [[], "windows: found none, expected at least one"],
    [[[1, 2], [3]], "window 1: found 1 tokens, expected 2 to 512"],
    [[Array(513).fill(1)], "window 0: found 513 tokens, expected 2 to 512"],
  ])("refuses windows that cannot be scored", (windows, sentence) => {
    const { status, stdout } = run(command, file("bad.json", { windows }));
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "USAGE", message: expect.stringContaining(sentence) } });
  });
});

describe("quern compare", () => {
  it("finds no difference between a model and itself, and little with rounded activations", () => {
    const path = file("ids.json", IDS);
    const same = JSON.parse(run("compare", path, "--window", "64", "--activations", "f32").stdout);
    expect(same).toMatchObject({ kl: { max: 0 }, sameTop: { value: 1 }, perplexityRatio: 1, deltaP: { rms: 0 } });
    const rounded = JSON.parse(run("compare", path, "--window", "64").stdout);
    expect(rounded.kl.mean).toBeGreaterThan(0);
    const both = JSON.parse(run("compare", path, "--window", "64", "--reference-activations", "int8").stdout);
    expect(both.kl.max).toBe(0);
  });
});

describe("quern perplexity", () => {
  it("names its protocol and what it was set to", () => {
    const path = file("ids.json", IDS);
    const strided = JSON.parse(run("perplexity", path, "--protocol", "strided", "--window", "32").stdout);
    expect(strided).toMatchObject({ protocol: "strided", window: 32, stride: 16, scoredTokens: 63, windows: 3 });
    const llama = JSON.parse(run("perplexity", path, "--protocol", "llama.cpp", "--window", "32").stdout);
    expect(llama).toMatchObject({ protocol: "llama.cpp", window: 32, scoredTokens: 30, windows: 2 });
    const rolling = JSON.parse(run("perplexity", path, "--protocol", "rolling", "--window", "32").stdout);
    // The stream begins with the start id, which is not scored.
    expect(rolling).toMatchObject({ protocol: "rolling", scoredTokens: 63, windows: 2 });
    expect(rolling).not.toHaveProperty("bitsPerByte");
  });

  it("spreads the loss of a text over its words and bytes", () => {
    const args = ["perplexity", TINY_MODEL, "--text", "-", "--protocol", "rolling", "--json", "--quiet"];
    const found = JSON.parse(quern(args, "The dog ran. The cat sat on the mat.").stdout);
    expect(found).toMatchObject({ words: 9, bytes: 36 });
    const total = found.nll * found.scoredTokens;
    expect(Math.abs(Math.log(found.wordPerplexity) - total / 9)).toBeLessThan(1e-9);
    expect(Math.abs(Math.log(found.bytePerplexity) - total / 36)).toBeLessThan(1e-9);
    expect(Math.abs(found.bitsPerByte * Math.LN2 - total / 36)).toBeLessThan(1e-9);
  });

  it.each([
    [["--stride", "8"], "--stride: found the protocol windows"],
    [["--window", "1024"], "window: found 1024, expected an integer from 2 to 512"],
    [["--protocol", "strided", "--window", "8", "--stride", "9"], "stride: found 9, expected an integer from 1 to 8"],
    [["--protocol", "llama.cpp", "--window", "65"], "text: found 64 tokens, expected at least one window of 65"],
    [["--protocol", "sliding"], '--protocol: found "sliding", expected one of windows, strided'],
  ])("refuses %j", (options, sentence) => {
    const { status, stdout } = run("perplexity", file("ids.json", IDS), ...options);
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "USAGE", message: expect.stringContaining(sentence) } });
  });
});
