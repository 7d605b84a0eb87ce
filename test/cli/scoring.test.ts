import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quern, TINY_MODEL } from "./quern.ts";

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
  it("refuses protocols that it does not know yet", () => {
    const { status, stdout } = run("perplexity", "unread.json", "--protocol", "strided");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "UNSUPPORTED", where: "--protocol" } });
  });
});
