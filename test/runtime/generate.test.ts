import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LanguageModel, loadModel } from "../../src/index.ts";
import type { Generated, Piece } from "../../src/runtime/generate.ts";

let model: LanguageModel;
beforeAll(async () => {
  model = await loadModel("models/fable-mixtral");
});
afterAll(() => model[Symbol.asyncDispose]());

async function all(pieces: AsyncGenerator<Piece, Generated>): Promise<Generated & { pieces: Piece[] }> {
  const seen: Piece[] = [];
  for (;;) {
    const next = await pieces.next();
    if (next.done) return { ...next.value, pieces: seen };
    seen.push(next.value);
  }
}

describe("generate", () => {
  it("gives the same text for the same seed, another for another seed", async () => {
    const options = { maxTokens: 24, temperature: 1, seed: 3 };
    const first = await all(model.generate("Once upon a time", options));
    const again = await all(model.generate("Once upon a time", options));
    const other = await all(model.generate("Once upon a time", { ...options, seed: 4 }));
    expect(again.ids).toEqual(first.ids);
    expect(other.ids).not.toEqual(first.ids);
    expect(first.pieces.map((piece) => piece.text).join("")).toBe(first.text);
    expect(first.stopReason).toBe("length");
  });

  it("stops at a stop string and at the context's end", async () => {
    const stopped = await all(model.generate("Once upon a time", { temperature: 0, stop: "girl" }));
    expect(stopped.stopReason).toBe("stop");
    expect(stopped.text).not.toContain("girl");
    const full = await all(model.generate("Once upon a time", { temperature: 0, context: 10, ignoreEos: true }));
    expect(full.stopReason).toBe("context");
    expect(full.promptTokens + full.ids.length).toBe(11);
  });

  it("works from ids, without text in them", async () => {
    const { ids } = await all(model.generate({ ids: [0] }, { temperature: 0, maxTokens: 3 }));
    expect(ids).toHaveLength(3);
  });

  it("is aborted by a timer within a token", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), 40);
    const run = all(model.generate("Once", { maxTokens: 500, ignoreEos: true, signal: controller.signal }));
    await expect(run).rejects.toThrow("enough");
  });

  it("rejects what makes no sense, naming it", async () => {
    await expect(all(model.generate(""))).rejects.toThrow("prompt: found no tokens");
    await expect(all(model.generate({ ids: [4096] }))).rejects.toThrow("token id 0: found 4096");
    await expect(all(model.generate("a", { temperature: -1 }))).rejects.toThrow("temperature: found -1");
    await expect(all(model.generate("a", { maxTokens: 0 }))).rejects.toThrow("maxTokens: found 0");
    await expect(all(model.generate("a", { context: 513 }))).rejects.toThrow("context: found 513");
    await expect(all(model.generate({ ids: Array(513).fill(0) }))).rejects.toThrow("prompt: found 513 tokens");
  });

  it("runs two texts side by side", async () => {
    const options = { maxTokens: 12, temperature: 0 };
    const [a, b] = await Promise.all([
      all(model.generate("One day", options)),
      all(model.generate("The dog", options)),
    ]);
    const alone = await all(model.generate("The dog", options));
    expect(b.ids).toEqual(alone.ids);
    expect(a.ids).not.toEqual(b.ids);
  });
});
