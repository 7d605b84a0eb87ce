/** GGUF files and bundles at the command line: converted, and given as MODEL to other commands. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tinyGguf } from "../../helpers/gguf-model.ts";
import { quern, TINY_MODEL } from "../quern.ts";

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-convert-"));
  file = join(folder, "m.Q4_0.gguf");
  writeFileSync(file, tinyGguf("mixtral", { type: "Q4_0" }));
  writeFileSync(join(folder, "m.f32.gguf"), tinyGguf("mixtral"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const logits = (model: string) =>
  JSON.parse(quern(["logits", model, "--ids", "1,2,3", "--activations", "f32", "--json"]).stdout) as { hash: string };

describe("quern convert", () => {
  it("writes a folder that computes the same bits, and refuses to replace it", () => {
    const output = join(folder, "out");
    const { status, stdout } = quern(["convert", file, output, "--json"]);
    expect(status).toBe(0);
    const { bytes } = JSON.parse(stdout) as { bytes: number };
    expect(bytes).toBeGreaterThan(100_000);
    expect(readdirSync(output)).toEqual(
      expect.arrayContaining(["config.json", "model.safetensors", "quantize_config.json", "README.md"]),
    );
    expect(logits(output).hash).toBe(logits(file).hash);
    expect(quern(["convert", file, output]).stderr).toContain("exists");
    expect(quern(["convert", file, output, "--force", "--weights", "f16"]).status).toBe(0);
    expect(existsSync(join(output, "quantize_config.json"))).toBe(false);
  });

  it("refuses a folder in Hugging Face layout, and other kinds of weights", () => {
    const output = join(folder, "none");
    expect(quern(["convert", TINY_MODEL, output]).stderr).toContain("found no GGUF file");
    expect(quern(["convert", file, output, "--weights", "f8"]).status).toBe(2);
    expect(existsSync(output)).toBe(false);
  });
});

describe("a bundle", () => {
  it("is written from a folder and from a GGUF file, and computes the same bits", () => {
    for (const [model, name] of [
      [TINY_MODEL, "tiny.quern"],
      [file, "gguf.quern"],
    ] as const) {
      const output = join(folder, name);
      const { status, stdout } = quern(["convert", model, output, "--json"]);
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toEqual({ output, bytes: statSync(output).size });
      expect(logits(output).hash).toBe(logits(model).hash);
      expect(quern(["convert", model, output]).stderr).toContain("exists, expected a new file");
      expect(quern(["convert", model, output, "--force"]).status).toBe(0);
    }
    const args = ["convert", file, join(folder, "other.quern"), "--weights", "f16"];
    expect(quern(args).stderr).toContain("--weights: found f16 with a bundle, expected exact");
    expect(readdirSync(folder).filter((name) => name.includes("other") || name.includes("partial"))).toEqual([]);
  });

  it("becomes a folder again, under the rules of other outputs", () => {
    const [bundle, output] = [join(folder, "back.quern"), join(folder, "back")];
    expect(quern(["convert", TINY_MODEL, bundle]).status).toBe(0);
    const { status, stdout } = quern(["convert", bundle, output, "--json"]);
    expect(status).toBe(0);
    const weights = readFileSync(join(output, "model.safetensors"));
    expect(JSON.parse(stdout)).toEqual({ output, bytes: weights.length });
    expect(logits(output).hash).toBe(logits(bundle).hash);
    expect(quern(["convert", bundle, output]).stderr).toContain("exists");
    expect(quern(["convert", bundle, output, "--force"]).status).toBe(0);
    // What was there stays if the bundle is damaged, and nothing else is left.
    writeFileSync(bundle, readFileSync(bundle).fill(7, 20_000, 30_000));
    const damaged = quern(["convert", bundle, output, "--force"]);
    expect(damaged.status).toBe(1);
    expect(damaged.stderr).toMatch(/back\.quern: .*the file is damaged/);
    expect(readFileSync(join(output, "model.safetensors")).equals(weights)).toBe(true);
    expect(
      readdirSync(folder)
        .filter((name) => name.startsWith("back"))
        .sort(),
    ).toEqual(["back", "back.quern"]);
  });

  it("is described as the model that it was made from", () => {
    const output = join(folder, "described.quern");
    expect(quern(["convert", file, output]).stdout).toMatch(/described\.quern: \d+\.\d MB$/m);
    const facts = (model: string) => {
      const { trueBytes, format, modules, ...rest } = JSON.parse(quern(["inspect", model, "--json"]).stdout);
      return { rest: { ...rest, structures: undefined, expected: undefined }, format, types: modules.map(typeOf) };
    };
    const typeOf = ({ name, bits, groupSize, type }: Record<string, unknown>) => [name, bits, groupSize, type];
    expect(facts(output).rest).toEqual(facts(file).rest);
    expect(facts(output).types).toEqual(facts(file).types);
    expect(facts(output).format).toBe("bundle");
  });

  it("is written by quantize too, and is not quantised again", () => {
    const ids = join(folder, "bundle-ids.json");
    writeFileSync(ids, JSON.stringify({ windows: [Array.from({ length: 64 }, (_, i) => (i * 7) % 64)] }));
    const quantize = (model: string, output: string, bundle: string) => {
      const outputs = ["--output", join(folder, output), "--bundle", join(folder, bundle)];
      return quern(["quantize", model, ...outputs, "--ids-file", ids, "--bits", "4", "--group-size", "32"]);
    };
    expect(quantize(TINY_MODEL, "packed", "packed.zip").stderr).toContain("expected a name that ends in .quern");
    expect(quantize(TINY_MODEL, "packed", "packed.quern").status).toBe(0);
    expect(logits(join(folder, "packed.quern")).hash).toBe(logits(join(folder, "packed")).hash);
    expect(quantize(TINY_MODEL, "again", "packed.quern").stderr).toContain("exists, expected a new file");
    expect(existsSync(join(folder, "again"))).toBe(false);
    const refused = quantize(join(folder, "packed.quern"), "twice", "twice.quern");
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain("packed.quern: found a bundle, expected the float model that it was made from");
  });
});

describe("a GGUF file as MODEL", () => {
  it("is described with the bits of its file", () => {
    const facts = JSON.parse(quern(["inspect", file, "--json"]).stdout) as {
      modelType: string;
      averageBits: number;
      modules: readonly { role: string; bits: number; groupSize: number }[];
    };
    expect(facts).toMatchObject({ modelType: "mixtral", averageBits: 4 });
    expect(facts.modules.find(({ role }) => role === "expert")).toMatchObject({ bits: 4, groupSize: 32 });
  });

  it("is quantised where it is float, and refused where it is quantised already", () => {
    const ids = join(folder, "ids.json");
    writeFileSync(ids, JSON.stringify({ windows: [Array.from({ length: 64 }, (_, i) => (i * 7) % 64)] }));
    const run = (model: string, output: string) =>
      quern(["quantize", model, "--output", join(folder, output), "--bits", "4", "--ids-file", ids, "--quiet"]);
    expect(run(file, "a").stderr).toContain("quantised already");
    expect(run(join(folder, "m.f32.gguf"), "b")).toMatchObject({ status: 0, stderr: "" });
    expect(logits(join(folder, "b")).hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it("without a tokenizer says so", () => {
    expect(quern(["tokenize", file, "--text", "a"]).stderr).toContain(
      "m.Q4_0.gguf: tokenizer.ggml.model: found nothing",
    );
  });
});
