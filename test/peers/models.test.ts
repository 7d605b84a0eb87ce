/** The models that bench/peers writes compute what a naive pass in float64 computes from the same files. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadModel } from "../../src/index.ts";
import { repositoryFile } from "../helpers/shared.ts";
import { naiveLogits } from "../reference/gguf-model.ts";

interface Writer {
  writeModel(name: string, quantisation: string, path: string): void;
}
interface Head {
  vocabularyOf(path: string): number;
}
const load = async <T>(name: string): Promise<T> => import(repositoryFile(`bench/peers/models/${name}.mjs`)) as T;
const { writeModel } = await load<Writer>("gguf-writer");
const { vocabularyOf } = await load<Head>("gguf-head");

const folder = mkdtempSync(join(tmpdir(), "quern-peers-"));
afterAll(() => rmSync(folder, { recursive: true }));

const IDS = [3, 17, 200, 5, 5, 61];

describe.each(["mixtral", "olmoe", "qwen2moe", "deepseek", "granitemoe"])("%s", (family) => {
  it.each(["f32", "q4_0", "q8_0"])("in %s", async (quantisation) => {
    const path = join(folder, `${family}-${quantisation}.gguf`);
    writeModel(`${family}-tiny`, quantisation, path);
    expect(vocabularyOf(path)).toBe(320);
    await using model = await loadModel(path, { activations: "f32", threads: 1 });
    const { data } = await model.logits(IDS);
    const expected = naiveLogits(new Uint8Array(readFileSync(path)), IDS).flatMap((row) => [...row]);
    const errors = expected.map((value, i) => Math.abs(value - data[i]));
    const size = Math.max(...expected.map(Math.abs));
    expect(size).toBeGreaterThan(0.01);
    expect(Math.max(...errors) / size).toBeLessThan(1e-4);
  });
});

describe("writeModel", () => {
  it("changes nothing but the routers' rows for uneven routing", () => {
    const tensors = ["olmoe-tiny", "olmoe-tiny-uneven2"].map((name) => {
      const path = join(folder, `${name}.gguf`);
      writeModel(name, "f32", path);
      const bytes = readFileSync(path);
      // The header is shorter than this, and the embedding, which comes after it, longer.
      return new Float32Array(Uint8Array.from(bytes.subarray(32_768)).buffer);
    });
    const length = Math.min(...tensors.map((list) => list.length));
    const [even, uneven] = tensors.map((list) => list.subarray(list.length - length));
    const ratios = [...even.keys()].filter((i) => even[i] !== uneven[i]).map((i) => uneven[i] / even[i]);
    const [layers, width] = [2, 64];
    const factors = [1, 2, 3].flatMap((expert) => Array(width).fill(Math.exp(-expert / 2)));
    expect(ratios).toHaveLength(layers * factors.length);
    for (const [i, factor] of [...factors, ...factors].entries()) expect(ratios[i]).toBeCloseTo(factor, 5);
  });

  it("refuses names and types that it does not know", () => {
    expect(() => writeModel("mixtral-huge", "q4_0", join(folder, "x"))).toThrow('found "mixtral-huge"');
    expect(() => writeModel("mixtral-tiny-odd", "q4_0", join(folder, "x"))).toThrow('found "mixtral-tiny-odd"');
    expect(() => writeModel("mixtral-tiny", "q6_k", join(folder, "x"))).toThrow('found "q6_k"');
  });
});
