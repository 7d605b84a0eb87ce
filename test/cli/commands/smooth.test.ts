import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quern, TINY_MODEL } from "../quern.ts";

let folder: string;
let idsFile: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-smooth-"));
  idsFile = join(folder, "ids.json");
  const windows = [0, 1].map((window) => Array.from({ length: 48 }, (_, i) => ((window * 48 + i) * 31) % 4096));
  writeFileSync(idsFile, JSON.stringify({ windows }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (command: string, model: string, ...more: readonly string[]) =>
  quern([command, model, "--ids-file", idsFile, ...more, "--threads", "1", "--json", "--quiet"]);

describe("quern smooth", () => {
  it("writes a float folder that computes the same and rounds better", () => {
    const output = join(folder, "smooth");
    const study = ["--study-activations", "int4/token"];
    const made = run("smooth", TINY_MODEL, "--output", output, ...study);
    expect(made.stderr).toBe("");
    const { sites, bytes } = JSON.parse(made.stdout);
    expect(sites).toHaveLength(6 * 11);
    expect(bytes).toBeGreaterThan(1e6);
    const compare = (model: string, ...more: readonly string[]) =>
      JSON.parse(run("compare", model, "--reference", TINY_MODEL, ...more).stdout);
    expect(compare(output)).toMatchObject({ activations: "f32", sameTop: { value: 1 } });
    const [rounded, smooth] = [TINY_MODEL, output].map((model) => compare(model, ...study));
    expect(smooth.activations).toBe("study int4/token");
    expect(smooth.kl.mean).toBeGreaterThan(0);
    expect(smooth.kl.mean).toBeLessThan(rounded.kl.mean);
  });

  it.each([
    [["--alpha", "2"], '--alpha: found "2", expected a number from 0, to 1'],
    [["--study-activations", "int3/32"], '--study-activations: found "int3/32", expected int4 or int8'],
    [["--weight-bits", "5"], '--weight-bits: found "5"'],
  ])("refuses %j", (wrong, sentence) => {
    const { status, stdout } = run("smooth", TINY_MODEL, "--output", join(folder, "no"), ...wrong);
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "USAGE", message: expect.stringContaining(sentence) } });
  });

  it("needs calibration tokens", () => {
    const { status, stderr } = quern(["smooth", TINY_MODEL, "--output", join(folder, "no")]);
    expect([status, stderr]).toEqual([2, expect.stringContaining("calibration: found none")]);
  });
});

describe("--study-activations", () => {
  it("of perplexity rounds inputs, and is named in the result", () => {
    const exact = JSON.parse(run("perplexity", TINY_MODEL).stdout);
    const study = JSON.parse(run("perplexity", TINY_MODEL, "--study-activations", "int8/32").stdout);
    expect(study.activations).toBe("study int8/32");
    expect(study.nll).not.toBe(exact.nll);
    expect(Math.abs(study.nll - exact.nll)).toBeLessThan(0.5);
  });

  it.each([
    ["perplexity", ["--activations", "int8"], "found --activations int8 too, expected one of the two"],
    ["compare", ["--save-reference", "f.safetensors"], "found no --reference"],
  ])("of %s is refused with %j", (command, wrong, sentence) => {
    const { status, stdout } = run(command, TINY_MODEL, "--study-activations", "int4/token", ...wrong);
    expect([status, stdout]).toEqual([2, expect.stringContaining(sentence)]);
  });
});
