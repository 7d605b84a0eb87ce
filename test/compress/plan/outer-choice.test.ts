/** Bits of head and embedding that policy knapsack chooses: their damages against a naive KL, and the choice itself. */
import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { bestWithOuter, outerChoices } from "../../../src/compress/plan/outer-choice.ts";
import { measureOuterDamage } from "../../../src/compress/plan/outer-damage.ts";
import { planFor } from "../../../src/compress/plan/plan-model.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { shapesOfFiles } from "../../../src/compress/recipe/model-shapes.ts";
import type { OuterBits } from "../../../src/compress/recipe/outer-bits.ts";
import { DEFAULT_GRID } from "../../../src/compress/recipe/settings.ts";
import { writeQuantized } from "../../../src/compress/write/write-quantized.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { filesFolder } from "../../../src/files/source.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import { parsePolicy } from "../../../src/policy/policy.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { packedFolders } from "../../helpers/packed-folder.ts";
import { allLogits } from "../../model/cases.ts";

const IDS = Array.from({ length: 64 }, (_, i) => (i * 37 + (i % 5) * 11) % 320);
const VOCAB = 320;

async function tiedModel(): Promise<Model> {
  const change = { packings: {}, without: ["lm_head.weight"], config: { tie_word_embeddings: true } };
  const { float } = await packedFolders("test/fixtures/families/deepseek-f16", change);
  return Model.open(await readModelFiles(float), await createMachine(), { activations: "f32" });
}

/** Mean KL in f64, row by row. */
function naiveKl(p: Float32Array, q: Float32Array): number {
  const logs = (row: Float32Array) => {
    const sum = row.reduce((total, value) => total + Math.exp(value), 0);
    return Float64Array.from(row, (value) => value - Math.log(sum));
  };
  let kl = 0;
  for (let at = 0; at < p.length; at += VOCAB) {
    const [a, b] = [logs(p.subarray(at, at + VOCAB)), logs(q.subarray(at, at + VOCAB))];
    kl += a.reduce((sum, value, word) => sum + Math.exp(value) * (value - b[word]), 0);
  }
  return kl / (p.length / VOCAB);
}

describe("measureOuterDamage", () => {
  it("gives the KL of a model whose head or embedding alone is quantised, and changes nothing", async () => {
    await using model = await tiedModel();
    const before = await allLogits(model, IDS);
    const options = { grid: DEFAULT_GRID, groupSize: 32 };
    const damages = await measureOuterDamage(model, [IDS], options);
    expect(damages.head[4]).toBeGreaterThan(damages.head[8]);
    expect(damages.head[8]).toBeGreaterThan(0);
    expect(damages.embedding[8]).toBeGreaterThan(0);
    expect(await allLogits(model, IDS)).toEqual(before);
    const settings = { ...DEFAULT_GRID, modules: new Map([["lm_head", { bits: 4, groupSize: 32 } as const]]) };
    const output = memoryOutput();
    await writeQuantized(model.files, await quantizeModel(model, settings, { windows: [IDS] }), { settings, output });
    const folder = filesFolder("head", Object.fromEntries(output.files));
    await using packed = await Model.open(await readModelFiles(folder), await createMachine(), { activations: "f32" });
    const expected = naiveKl(before, await allLogits(packed, IDS));
    expect(damages.head[4] / expected).toBeCloseTo(1, 2);
  });
});

describe("bestWithOuter", () => {
  const damages = { head: { 4: 0.3, 8: 0.01 }, embedding: { 8: 0.02 } };
  const bytes = ({ head = 16, embedding = 16 }: OuterBits) => head + embedding;
  /** A plan whose blocks lose less with more room, and that needs some. */
  const solve = (budget: number) => (outer: OuterBits) => {
    const room = budget - bytes(outer);
    if (room < 4) throw new UsageError("budget", `${budget}`, "more");
    return { predictedKl: 1 / room, boundKl: 1 / room };
  };

  it("weighs what fewer bits cost against what the blocks gain", () => {
    const choices = outerChoices({ head: "auto", embedding: "auto" });
    expect(choices).toHaveLength(6);
    expect(bestWithOuter(choices, damages, solve(1000)).outer).toEqual({ head: 16, embedding: 16 });
    expect(bestWithOuter(choices, damages, solve(38)).outer).toEqual({ head: 8, embedding: 8 });
    expect(bestWithOuter(choices, damages, solve(17)).outer).toEqual({ head: 4, embedding: 8 });
    expect(bestWithOuter(choices, damages, solve(38)).plan.predictedKl).toBeCloseTo(1 / 22 + 0.03, 12);
    expect(() => bestWithOuter(choices, damages, solve(15))).toThrow(UsageError);
  });

  it("keeps what is told", () => {
    expect(outerChoices({ head: 8, embedding: "auto" })).toEqual([
      { head: 8, embedding: 16 },
      { head: 8, embedding: 8 },
    ]);
    expect(outerChoices({})).toEqual([{}]);
  });

  it("is refused where no bytes are weighed", async () => {
    await using model = await tiedModel();
    const context = { shapes: shapesOfFiles(model.files), groupSize: 32, outer: { head: "auto" } } as const;
    await expect(planFor(parsePolicy("uniform:4"), context)).rejects.toThrow("head: found auto with policy uniform:4");
    const budget = { kind: "bits", averageBits: 4 } as const;
    await expect(planFor(parsePolicy("knapsack"), { ...context, budget })).rejects.toThrow("auto with policy knapsack");
  });
});
