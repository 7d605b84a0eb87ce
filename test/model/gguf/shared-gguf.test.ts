/** GGUF files from outside the repository: those that the generator of random models writes, and a real model. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { convertModel } from "../../../src/compress/convert/convert-model.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { loadModel } from "../../../src/index.ts";
import { readFixture } from "../../helpers/safetensors.ts";
import { sharedFile } from "../../helpers/shared.ts";
import { naiveLogits } from "../../reference/gguf-model.ts";

const generator = sharedFile("tools/gguf-gen.mjs");
const smol = sharedFile("models/smol-moe/smol-moe.gguf");
const folder = mkdtempSync(join(tmpdir(), "quern-gguf-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Write = (name: string, type: string, path: string) => { readonly p: { readonly vocab: number } };

async function generated(name: string, type: string): Promise<{ path: string; vocab: number }> {
  const { writeGGUF } = (await import(pathToFileURL(generator!).href)) as { writeGGUF: Write };
  const path = join(folder, `${name}-${type}.gguf`);
  return { path, vocab: writeGGUF(name, type, path).p.vocab };
}

const ARCHITECTURES = ["mixtral", "olmoe", "qwen2moe", "qwen3moe", "deepseek", "granitemoe"];
const cases = ARCHITECTURES.flatMap((name) => ["f32", "f16", "q8_0", "q4_0"].map((type) => [name, type] as const));

describe.skipIf(generator === undefined)("generated models (tools/gguf-gen.mjs of QUERN_SHARED)", () => {
  it.each(cases)("%s in %s computes as the float64 pass does", async (name, type) => {
    const { path, vocab } = await generated(`${name}-tiny`, type);
    const ids = Array.from({ length: 16 }, (_, i) => (37 * i + 11) % vocab);
    await using model = await loadModel(path, { activations: "f32" });
    const { data } = await model.logits(ids);
    const expected = naiveLogits(new Uint8Array(readFileSync(path)), ids);
    const errors = data.map((value, i) => Math.abs(value - expected[Math.floor(i / vocab)][i % vocab]));
    expect(errors.reduce((most, error) => Math.max(most, error))).toBeLessThan(1e-3);
  });

  it.each(ARCHITECTURES)("%s of the small size loads", async (name) => {
    const { path } = await generated(`${name}-small`, "q4_0");
    await using model = await loadModel(path);
    const { data } = await model.logits([1, 5, 9]);
    expect(data.every(Number.isFinite)).toBe(true);
    rmSync(path);
  });
});

describe.skipIf(smol === undefined)("smol-moe (models/smol-moe of QUERN_SHARED)", () => {
  const expected = smol === undefined ? new Map() : readFixture(sharedFile("models/smol-moe/expected.safetensors")!);
  const ids = [...(expected.get("input_ids") ?? [])] as number[];

  /** The largest difference from the expected logits of the last four positions. */
  async function largestError(source: Parameters<typeof loadModel>[0]): Promise<number> {
    await using model = await loadModel(source, { activations: "f32" });
    const { data } = await model.logits(ids);
    const logits = expected.get("logits") as Float32Array;
    const last = data.subarray(data.length - logits.length);
    return last.reduce((most, value, i) => Math.max(most, Math.abs(value - logits[i])), 0);
  }

  it("rounded to f16, as the expected values were made, gives them", async () => {
    const output = memoryOutput();
    await convertModel(await nodeFolder(join(smol!, "..")), { output, weights: "f16" });
    expect(await largestError(Object.fromEntries(output.files))).toBeLessThan(1e-3);
  }, 300_000);

  // Products of scales and codes have more digits than f16: the expected values belong to weights that differ in their last digits.
  it("opened directly, with its exact weights, differs by that rounding and continues alike", async () => {
    const error = await largestError(smol!);
    expect(error).toBeGreaterThan(1e-3);
    expect(error).toBeLessThan(0.03);
    await using model = await loadModel(smol!, { activations: "f32" });
    const greedy = [...(expected.get("greedy") as Int32Array)];
    const found: number[] = [];
    const run = { temperature: 0, maxTokens: greedy.length, ignoreEos: true };
    for await (const { id } of model.generate({ ids }, run)) if (id !== undefined) found.push(id);
    expect(found).toEqual(greedy);
  }, 300_000);
});
