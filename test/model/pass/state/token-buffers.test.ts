/** How many tokens a pass computes by default, and what their buffers take. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LanguageModel } from "../../../../src/index.ts";
import type { ModelConfig } from "../../../../src/model/config/model-config.ts";
import { createState } from "../../../../src/model/pass/state/pass-state.ts";
import { chooseBatch, preparedTokenBytes, tokenBuffers } from "../../../../src/model/pass/state/token-buffers.ts";
import { openTinyModel } from "../../../helpers/tiny-model.ts";

let model: LanguageModel;
beforeAll(async () => {
  model = await openTinyModel();
});
afterAll(() => model[Symbol.asyncDispose]());

const shaped = (changes: Partial<ModelConfig>): ModelConfig => ({ ...model.config, ...changes });

describe("chooseBatch", () => {
  it("gives each expert 64 rows, in batches of 128 to 512 tokens", () => {
    const batches = [
      [8, 2],
      [32, 8],
      [16, 4],
      [4, 4],
      [64, 8],
      [128, 8],
      [0, 0],
    ].map(([experts, topK]) => chooseBatch(shaped({ experts, topK }), false));
    expect(batches).toEqual([256, 256, 256, 128, 512, 512, 128]);
  });

  it("takes fewer tokens where their buffers would take more than 64 MiB", () => {
    const wide = shaped({ experts: 8, topK: 2, hiddenSize: 4096, expertWidth: 14336 });
    expect(chooseBatch(wide, false)).toBe(64);
    const { gate, up, down } = tokenBuffers(wide);
    expect(4 * (gate + up + down)).toBe(4 * 2 * (2 * 14336 + 4096));
    expect(chooseBatch(shaped({ experts: 8, topK: 2, vocabSize: 151936 }), true)).toBe(64);
  });
});

describe("tokenBuffers", () => {
  it("is what a state allocates for a token, besides lists of a few words and the cache", () => {
    const { machine, config } = model;
    const usedFor = (capacity: number) => {
      const before = machine.arena.used;
      using _ = createState(model, { capacity, cacheRows: 8, logitRows: 1, positions: 8 });
      return machine.arena.used - before;
    };
    usedFor(1); // the RoPE table, which stays
    const grown = usedFor(256) - usedFor(128);
    const { records, rounded } = preparedTokenBytes(config);
    const floats = Object.values(tokenBuffers(config)).reduce((sum, count) => sum + count, 0);
    const lists = 4 * (1 + 2 + 1 + 2 + 4 * config.topK);
    expect(grown).toBe(128 * (4 * floats + records + 2 * rounded + lists));
  });
});
