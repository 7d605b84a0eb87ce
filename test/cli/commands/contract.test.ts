/** What the documents of commands hold, as the contract of the command line has it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readFixture } from "../../helpers/safetensors.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern, TINY_MODEL } from "../quern.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
const json = (args: readonly string[]) => {
  const run = quern([...args, "--json"]);
  expect(run.stderr).not.toContain("unexpected error");
  return { ...run, document: JSON.parse(run.stdout) as Record<string, never> };
};

describe("quern inspect", () => {
  it("tells sizes, bits and bytes of every linear", () => {
    const { document } = json(["inspect", TINY_MODEL]);
    expect(document).toMatchObject({
      modelType: "mixtral",
      layers: 6,
      hiddenSize: 192,
      experts: 8,
      topK: 2,
      averageBits: 16,
    });
    expect((document["modules"] as unknown[]).length).toBe(1 + 6 * (4 + 1 + 24));
    expect(quern(["inspect", TINY_MODEL]).stdout).toContain("parameters: 8.54 M");
  });

  it("names the configuration that a folder lacks", () => {
    const { document } = json(["inspect", repositoryFile("test/cli")]);
    expect(document).toMatchObject({ error: { code: "FILE" } });
  });
});

describe("quern generate", () => {
  const prompt = ["generate", TINY_MODEL, "--prompt", "Once upon a time", "--max-tokens", "8"];

  it("gives the fields of the contract, and the same ids for the same seed", () => {
    const first = json([...prompt, "--seed", "5"]).document as unknown as { ids: number[]; hash: string };
    const again = json([...prompt, "--seed", "5"]).document as unknown as { ids: number[]; hash: string };
    expect(again.ids).toEqual(first.ids);
    expect(again.hash).toBe(first.hash);
    expect(first.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(first).toMatchObject({ promptTokens: 4, stopReason: "length", engine: { activations: "f32" } });
  });

  it("streams JSON lines, the whole last", () => {
    const { stdout } = quern([...prompt, "--json", "--stream", "--temperature", "0"]);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { text: string; ids?: number[] });
    const whole = lines.at(-1);
    expect(
      lines
        .slice(0, -1)
        .map((line) => line.text)
        .join(""),
    ).toBe(whole?.text);
    expect(whole?.ids).toHaveLength(8);
  });

  it("needs no tokenizer for ids, and rejects what makes no sense", () => {
    expect(json(["generate", TINY_MODEL, "--ids", "0,430", "--max-tokens", "2"]).document["ids"]).toHaveLength(2);
    expect(quern(["generate", TINY_MODEL]).stderr).toContain("prompt: found 0 of them");
    expect(quern(["generate", TINY_MODEL, "--prompt", ""]).stderr).toContain("prompt: found no tokens");
    expect(quern(["generate", TINY_MODEL, "--ids", "4096"]).stderr).toContain("token id 0: found 4096");
    expect(quern(["generate", "no/such/folder", "--prompt", "a"])).toMatchObject({ status: 1, stdout: "" });
  });
});

describe("quern logits", () => {
  it("writes .npy and .safetensors with the same logits, and refuses a file that exists", () => {
    const ids = ["logits", TINY_MODEL, "--ids", "0,430,410"];
    const { document } = json([...ids, "--output", at("l.npy")]);
    expect(document).toMatchObject({ tokens: 3, vocab: 4096, activations: "f32" });
    expect(quern([...ids, "--output", at("l.safetensors"), "--tap"]).status).toBe(0);
    const tensors = readFixture(at("l.safetensors"));
    const npy = readFileSync(at("l.npy"));
    const data = new Float32Array(new Uint8Array(npy.subarray(npy.length - 3 * 4096 * 4)).buffer);
    expect(tensors.get("logits")).toEqual(data);
    expect(tensors.get("hidden.5")).toHaveLength(3 * 192);
    expect(tensors.get("router.0.experts")).toHaveLength(6);
    const again = quern([...ids, "--output", at("l.npy")]);
    expect(again.status).toBe(1);
    expect(again.stderr).toContain("--force");
  });
});

describe("quern quantize and compare", () => {
  const windows = JSON.stringify({ windows: [Array.from({ length: 128 }, (_, i) => (i * 37) % 4096)] });
  const quantize = (...more: readonly string[]) =>
    quern(["quantize", TINY_MODEL, "--output", at("q"), "--ids-file", at("ids.json"), "--clip", "none", ...more]);

  it("writes a folder that loads, is inspected and compared", () => {
    writeFileSync(at("ids.json"), windows);
    const run = quantize("--policy", "attention:4,base:2+projection:down@3", "--json");
    const document = JSON.parse(run.stdout) as { averageBits: number; modules: { bits: number }[]; warnings: string[] };
    expect(document.modules).toHaveLength(168);
    expect(document.warnings[0]).toMatch(/^layer \d expert \d: \d+ calibration tokens, (?:blended|few tokens|rounded)/);
    const inspected = json(["inspect", at("q")]).document;
    expect(inspected["averageBits"]).toBeCloseTo(document.averageBits, 10);
    const compared = json(["compare", at("q"), "--reference", TINY_MODEL, "--ids-file", at("ids2.json")]);
    expect(compared.document).toMatchObject({ error: { code: "FILE" } });
    writeFileSync(at("ids2.json"), JSON.stringify(Array.from({ length: 256 }, (_, i) => (i * 31) % 4096)));
    const kl = json(["compare", at("q"), "--reference", TINY_MODEL, "--ids-file", at("ids2.json"), "--window", "64"]);
    expect((kl.document["kl"] as { mean: number }).mean).toBeGreaterThan(0);
    expect(kl.document["routing"]).toHaveLength(6);
  });

  it("refuses a folder that exists, wrong bits and group sizes, and leaves nothing behind", () => {
    expect(quantize().stderr).toContain("--force");
    rmSync(at("q"), { recursive: true });
    expect(quantize("--bits", "5")).toMatchObject({ status: 2 });
    const group = quantize("--group-size", "128");
    expect(group.status).toBe(2);
    expect(group.stderr).toContain("group size: found 128, expected a multiple of 32 that divides its 192 columns");
    expect(quern(["quantize", TINY_MODEL, "--output", at("q")]).stderr).toContain("calibration: found none");
    expect(existsSync(at("q"))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.startsWith("q") || name.startsWith(".q"))).toEqual([]);
  });
});

describe("quern quantize-matrix", () => {
  const { cases } = JSON.parse(readFileSync(repositoryFile("test/fixtures/gptq/cases.json"), "utf8")) as {
    cases: { name: string; options: Record<string, string | number | boolean>; numbers: Record<string, number> }[];
  };
  const present = cases.filter(({ name }) => existsSync(repositoryFile(`test/fixtures/gptq/${name}.safetensors`)));

  it.each(present)("meets the case $name", ({ name, options, numbers }) => {
    const file = repositoryFile(`test/fixtures/gptq/${name}.safetensors`);
    const { bits, groupSize, symmetric, actOrder, staticGroups, dampPercent, deadColumns, scaleRounding, clipSearch } =
      options;
    const flags = {
      ...{ "--bits": bits, "--group-size": groupSize, "--act-order": actOrder, "--damp": dampPercent },
      ...{ "--dead-columns": deadColumns, "--scale-rounding": scaleRounding, "--clip": clipSearch },
    };
    const words = Object.entries(flags).flatMap(([flag, value]) => [flag, String(value)]);
    words.push(symmetric ? "--symmetric" : "--asymmetric", ...(staticGroups ? ["--static-groups"] : []));
    const { document } = json(["quantize-matrix", file, "--output", at(`${name}.safetensors`), ...words]);
    const relative = (key: string, expected: number) => Math.abs((document[key] as number) / expected - 1);
    expect(relative("loss", numbers["loss"])).toBeLessThan(1e-9);
    expect(relative("outputError", numbers["output_error"])).toBeLessThan(1e-9);
    expect(relative("rtnOutputError", numbers["rtn_output_error"])).toBeLessThan(1e-9);
    const [found, expected] = [readFixture(at(`${name}.safetensors`)), readFixture(file)];
    for (const key of ["codes", "scales", "zeros", "g_idx", "perm", "dequantised"])
      expect(found.get(key)).toEqual(expected.get(key));
  });
});

describe("quern calibrate and perplexity", () => {
  it("gather statistics from the model's own text", () => {
    const run = ["calibrate", TINY_MODEL, "--self", "--samples", "4", "--length", "32"];
    const { document } = json([...run, "--output", at("stats.safetensors"), "--stats-json", at("stats.json")]);
    const experts = document["experts"] as { tokens: number }[];
    expect(document["tokens"]).toBe(128);
    expect(experts).toHaveLength(48);
    expect(experts.reduce((sum, expert) => sum + expert.tokens, 0)).toBe(6 * 2 * 128);
    expect(JSON.parse(readFileSync(at("stats.json"), "utf8"))).toMatchObject({ tokens: 128 });
    const { linears } = JSON.parse(readFileSync(at("stats.json"), "utf8")) as { linears: { outlier: number }[] };
    expect(linears).toHaveLength(168);
    for (const { outlier } of linears) expect(outlier).toBeGreaterThan(1);
    expect(readFixture(at("stats.safetensors")).get("blocks.cosine")).toHaveLength(6);
  });

  it("score ids by the protocol that they name", () => {
    writeFileSync(at("ids3.json"), JSON.stringify(Array.from({ length: 100 }, (_, i) => (i * 31) % 4096)));
    const { document } = json(["perplexity", TINY_MODEL, "--ids-file", at("ids3.json"), "--window", "32"]);
    expect(document).toMatchObject({ scoredTokens: 93, windows: 3, protocol: "windows" });
    expect(quern(["perplexity", TINY_MODEL, "--ids-file", at("ids3.json")]).stderr).toContain(
      "text: found 100 tokens, expected at least one window of 512",
    );
  });
});
