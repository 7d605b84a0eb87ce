/** What loading, generating and computing logits refuse, and what generating says of its prompt. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { Turns } from "../../src/base/turns.ts";
import { compare } from "../../src/eval/compare/compare.ts";
import { perplexity, perplexityOfWindows } from "../../src/eval/perplexity/perplexity.ts";
import { type LanguageModel, type LoadOptions, loadModel } from "../../src/index.ts";
import type { Progress } from "../../src/model/model.ts";
import { collect, type Piece } from "../../src/runtime/generate.ts";
import type { GenerateOptions } from "../../src/runtime/generate-options.ts";
import { computeTapped } from "../../src/runtime/logits.ts";
import type { Prompt } from "../../src/runtime/prompt-ids.ts";
import { openTinyModel, tinyIds } from "../helpers/tiny-model.ts";

let model: LanguageModel;
beforeAll(async () => {
  model = await openTinyModel();
});
afterAll(() => model[Symbol.asyncDispose]());

const generate = (prompt: unknown, options: object = {}) =>
  collect(model.generate(prompt as Prompt, options as GenerateOptions));

async function refused(work: Promise<unknown>, message: string | RegExp): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(UsageError);
  expect(error.message).toMatch(message);
}

function watched(watch: object): Promise<void> {
  const session = model.session({ context: 4 });
  return session.evaluate([1], new Turns(), watch).finally(() => session[Symbol.dispose]());
}

describe("unknown options", () => {
  it.each([
    ["generate", "max_tokens", "maxTokens", () => generate("a", { max_tokens: 3 })],
    ["generate", "topk", "topK", () => generate("a", { topk: 3 })],
    ["loadModel", "thread", "threads", () => openTinyModel({ thread: 4 } as LoadOptions)],
    ["loadModel", "onProgres", "onProgress", () => loadModel({}, { onProgres: () => {} } as LoadOptions)],
    ["compare", "windows_", "windows", () => compare(model, model, { windows_: [] } as object)],
    ["evaluate", "onLogit", "onLogits", () => watched({ onLogit: () => {} })],
    ["logits", "signals", "signal", () => model.logits([1], { signals: 1 } as object)],
  ] as const)("%s: %s is refused, %s named", (where, found, nearest, call) =>
    refused(call(), `${where}: option ${found}: found an option that it does not have, expected ${nearest}`),
  );

  it("are refused for a tapped run too, and where there is no bag", async () => {
    await refused(computeTapped(model, [1], { tap: true } as object), "logits: option tap");
    await refused(generate("a", null as unknown as object), "generate: options: found null");
    await refused(openTinyModel(5 as unknown as LoadOptions), "loadModel: options: found number, expected an object");
  });
});

describe("wrong kinds", () => {
  it.each([undefined, null, 5, true])("generate(%s)", (prompt) =>
    refused(generate(prompt), /^prompt: found .*, expected a string, a list of messages, or \{ ids \} with token ids$/),
  );

  it.each([null, 5, "1,2", {}])("ids of perplexity and compare: %s", async (ids) => {
    const strange = ids as unknown as number[];
    await refused(perplexity(model, strange), /^ids: found .*, expected an array of token ids$/);
    await refused(compare(model, model, { ids: strange }), /^ids: found .*, expected an array of token ids$/);
    await refused(perplexityOfWindows(model, [strange]), /^ids: found .*, expected an array of token ids$/);
  });

  it.each([undefined, null, 5, "1,2", {}])("ids: %s", async (ids) => {
    await refused(generate({ ids }), /^ids: found .*, expected an array of token ids$/);
    await refused(model.logits(ids as unknown as number[]), /^ids: found .*, expected an array of token ids$/);
  });

  it.each([
    [{ stop: 5 }, "stop: found 5, expected a string, or an array of strings"],
    [{ stop: ["a", 7] }, "stop: found 7"],
    [{ stop: null }, "stop: found null"],
    [{ stop: [""] }, "stop: found an empty string"],
    [{ onProgress: 1 }, "onProgress: found number, expected a function"],
    [{ signal: {} }, "signal: found object, expected an AbortSignal"],
    [{ maxTokens: "3" }, "maxTokens: found 3"],
    [{ topP: "0.5" }, "topP: found 0.5"],
    [{ minP: "0.5" }, "minP: found 0.5"],
    [{ seed: -1 }, "seed: found -1"],
  ])("generate with %o", (options, message) => refused(generate("a", options), message));

  it("takes typed arrays of ids", async () => {
    const ids = Int32Array.from([5, 6, 7]) as unknown as number[];
    expect(await model.logits(ids)).toEqual(await model.logits([5, 6, 7]));
    const options = { maxTokens: 3, ignoreEos: true };
    expect((await generate({ ids }, options)).ids).toEqual((await generate({ ids: [5, 6, 7] }, options)).ids);
  });
});

describe("many generations at once", () => {
  it("have the texts that each has alone, and those that pause for good hold no more than eight sessions", async () => {
    const { arena } = model.machine;
    const prompt = (at: number) => ({ ids: tinyIds(10 + at, at) });
    const options = (at: number) => ({ maxTokens: 12, seed: at, ignoreEos: true });
    const alone: (readonly number[])[] = [];
    for (let at = 0; at < 20; at++) alone.push((await generate(prompt(at), options(at))).ids);
    // One after the other in turn, most of them without their session meanwhile.
    const all = alone.map((_, at) => model.generate(prompt(at), options(at)));
    const found: number[][] = alone.map(() => []);
    for (let step = 0; step < 12; step++)
      for (const [at, pieces] of all.entries()) found[at].push(((await pieces.next()).value as Piece).id as number);
    expect(found).toEqual(alone);
    for (const pieces of all) await pieces.return(undefined as never);
    const before = arena.used;
    const kept: AsyncGenerator<Piece, unknown>[] = [];
    const marks: number[] = [];
    for (let at = 0; at < 50; at++) {
      const pieces = model.generate(prompt(0), options(at));
      await pieces.next();
      kept.push(pieces);
      marks.push(arena.used - before);
    }
    // The first brings the room for sampling too, which all of them share.
    expect(marks[7] - marks[0]).toBe(7 * (marks[1] - marks[0]));
    expect(marks[49]).toBe(marks[7]);
    for (const pieces of kept) await pieces.return(undefined as never);
    expect(arena.used).toBe(before);
  });
});

describe("progress", () => {
  it("of the prompt is told batch by batch", async () => {
    const told: Progress[] = [];
    const onProgress = (progress: Progress) => told.push(progress);
    await generate({ ids: tinyIds(300, 3) }, { maxTokens: 2, ignoreEos: true, onProgress });
    expect(told).toEqual([256, 300].map((done) => ({ phase: "prefill", done, total: 300, unit: "tokens" })));
  });
});
