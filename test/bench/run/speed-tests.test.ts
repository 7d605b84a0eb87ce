import { describe, expect, it } from "vitest";
import { limitsOf, speedTests } from "../../../src/bench/run/speed-tests.ts";
import { inspectModel } from "../../../src/model/inspect.ts";
import { openTinyModel } from "../../helpers/tiny-model.ts";

const names = (...args: Parameters<typeof speedTests>) => speedTests(...args).map(({ test }) => test);

describe("speedTests", () => {
  it("are llama-bench's columns by default", () => {
    expect(names({}, 4096)).toEqual([
      ...["pp128", "pp512", "tg64", "tg128"],
      ...["pp128 @ d1024", "pp512 @ d1024", "tg64 @ d1024", "tg128 @ d1024"],
    ]);
  });

  it("leave out by default what does not fit in the context", () => {
    expect(names({}, 512)).toEqual(["pp128", "pp512", "tg64", "tg128"]);
    expect(names({}, 1100)).toEqual(["pp128", "pp512", "tg64", "tg128", "tg64 @ d1024"]);
    expect(names({ prompt: [512] }, 512)).toEqual(["pp512", "tg64", "tg128"]);
    expect(names({ depth: [448] }, 512)).toEqual(["tg64 @ d448"]);
  });

  it("are those that are given, in their order", () => {
    const given = { prompt: [8, 4], generate: [2], depth: [16, 0] };
    expect(names(given, 64)).toEqual(["pp8 @ d16", "pp4 @ d16", "tg2 @ d16", "pp8", "pp4", "tg2"]);
    expect(names({ prompt: [], generate: [3], depth: [0] }, 64)).toEqual(["tg3"]);
  });

  it.each([
    [{ prompt: [600] }, "test pp600: found 600 tokens, expected at most the context, 512"],
    [{ prompt: [8], depth: [510] }, "test pp8 @ d510: found 518 tokens"],
    [{ depth: [1024] }, "test pp128 @ d1024: found 1152 tokens"],
    [{ prompt: [0] }, "prompt: found 0, expected whole numbers from 1"],
    [{ generate: [1.5] }, "generate: found 1.5"],
    [{ depth: [-1] }, "depth: found -1, expected whole numbers from 0"],
    [{ prompt: 8 as unknown as number[] }, "prompt: found number, expected a list of whole numbers"],
  ])("refuse %j", (given, sentence) => {
    expect(() => speedTests(given, 512)).toThrow(sentence);
  });
});

describe("limitsOf", () => {
  it("counts what a decoded token reads and what a token of a prompt multiplies", async () => {
    await using model = await openTinyModel({ threads: 1 });
    const { config, files } = model;
    const { modules } = inspectModel(files);
    const limitOf = limitsOf(model, modules);
    const share = ({ role }: (typeof modules)[number]) => (role === "expert" ? config.topK / config.experts : 1);
    const [prompt, generate] = speedTests({ prompt: [8], generate: [4], depth: [6] }, 64);
    const inBlocks = modules.filter(({ role }) => role !== "embedding" && role !== "head");
    const bytes = modules
      .filter(({ role }) => role !== "embedding")
      .reduce((sum, module) => sum + share(module) * module.memoryBytes, 0);
    const [embedding] = modules.filter(({ role }) => role === "embedding");
    const row = config.tiedEmbeddings ? embedding.memoryBytes : embedding.memoryBytes / config.vocabSize;
    const { heads, kvHeads, headDim, valueDim, layers } = config;
    const cache = 4 * layers * kvHeads * (headDim + valueDim);
    const ceilings = { read: 1, dotI8: 1, dotI16: 1, f32: 1 };
    // Rounded to whole bytes, and in the middle of the test 8 tokens are in the cache.
    expect(limitOf(generate).ceiling).toBe("read");
    expect(limitOf(generate).perUnit(ceilings)).toBe(Math.round(bytes + row) + 8 * cache);
    const products = inBlocks.reduce((sum, module) => sum + share(module) * module.shape[0] * module.shape[1], 0);
    expect(limitOf(prompt).ceiling).toBe("f32");
    expect(limitOf(prompt).perUnit(ceilings)).toBeCloseTo(
      2 * (products + 10 * layers * heads * (headDim + valueDim)),
      6,
    );
  });
});
