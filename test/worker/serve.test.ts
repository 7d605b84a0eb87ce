/** An engine behind a port gives what the library gives: the same text, the same bits, the same errors. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormatError, StorageError, UsageError } from "../../src/base/errors.ts";
import { Turns } from "../../src/base/turns.ts";
import { compare } from "../../src/evaluate.ts";
import { loadModel } from "../../src/index.ts";
import { memoryOutput, quantize, selfSample } from "../../src/quantize.ts";
import type { LanguageModel } from "../../src/runtime/language-model.ts";
import { OpfsStore } from "../../src/worker/store/opfs-store.ts";
import { connect, type RoutedPiece, serve, type WorkerEngine, type WorkerModel } from "../../src/worker.ts";
import { FakeDirectory } from "../helpers/fake-directory.ts";
import { writeSmallModels } from "../helpers/small-models.ts";

const PROMPT = "Once upon a time";
const folder = mkdtempSync(join(tmpdir(), "quern-worker-"));
const home = join(folder, "fable-mixtral");
const { port1, port2 } = new MessageChannel();
let engine: WorkerEngine;
let model: WorkerModel;
let direct: LanguageModel;

beforeAll(async () => {
  writeSmallModels(folder);
  serve(port1, { storage: new OpfsStore(new FakeDirectory()) });
  engine = connect(port2);
  const files = readdirSync(home).map((name) => [name, new Uint8Array(readFileSync(join(home, name)))] as const);
  model = await engine.load(Object.fromEntries(files), { threads: 1 });
  direct = await loadModel(home, { threads: 1 });
}, 60_000);

afterAll(async () => {
  await direct[Symbol.asyncDispose]();
  port1.close();
  port2.close();
  rmSync(folder, { recursive: true });
});

async function written(stream: AsyncGenerator<RoutedPiece, { readonly text: string }>) {
  const pieces: RoutedPiece[] = [];
  let step = await stream.next();
  for (; !step.done; step = await stream.next()) pieces.push(step.value);
  return { pieces, whole: step.value };
}

async function ownText(options: object): Promise<{ readonly text: string; readonly ids: readonly number[] }> {
  const stream = direct.generate(PROMPT, options);
  let step = await stream.next();
  while (!step.done) step = await stream.next();
  return step.value;
}

describe("a model behind a port", () => {
  const sampling = { maxTokens: 24, temperature: 0.9, topP: 0.95, minP: 0.01, repetitionPenalty: 1.1, seed: 5 };

  it.each([[false], [true]])("writes the same text, with routes: %s", async (routes) => {
    const { pieces, whole } = await written(model.generate(PROMPT, { ...sampling, routes }));
    const expected = await ownText(sampling);
    expect(whole).toMatchObject({ text: expected.text, ids: expected.ids });
    expect(pieces.map(({ text }) => text).join("")).toBe(expected.text);
    const { topK, layers } = model.facts;
    const passed = pieces.slice(0, -2).filter(({ id }) => id !== undefined);
    const widths = passed.map((piece) => piece.routes.map(({ experts, weights }) => [experts.length, weights.length]));
    expect(widths).toEqual(passed.map(() => (routes ? Array(layers).fill([topK, topK]) : [])));
  });

  it("tells the experts that a pass over all tokens chooses", async () => {
    const { pieces, whole } = await written(model.generate(PROMPT, { maxTokens: 6, temperature: 0, routes: true }));
    const prompt = await (await direct.tokenizer()).encodeAsync(PROMPT);
    using session = direct.session({ context: 64, keepRoutes: true });
    const { ids } = whole as unknown as { readonly ids: readonly number[] };
    await session.evaluate([...prompt, ...ids.slice(0, 3)], new Turns());
    const { experts } = session.state.routes[1];
    const { topK } = direct.config;
    const last = Array.from(direct.machine.arena.i32(experts + 4 * topK * (prompt.length + 2), topK));
    expect(pieces[2].routes[1].experts).toEqual(last);
  });

  it("encodes, decodes and describes itself as the library does", async () => {
    const ids = await model.encode(PROMPT);
    expect(ids).toEqual(await (await direct.tokenizer()).encodeAsync(PROMPT));
    expect(await model.decode(ids)).toBe((await direct.tokenizer()).decode(ids));
    expect(model.facts.averageBits).toBe(16);
    expect(model.engine).toEqual(direct.engine);
  });

  it("quantises to the same bytes, beside the float model, and compares to the same numbers", async () => {
    const settings = { policy: "attention:4,experts:3", self: { samples: 2, length: 48 }, seed: 1 };
    const phases = new Set<string>();
    const small = await model.quantize({ ...settings, onProgress: ({ phase }) => phases.add(phase) });
    const output = memoryOutput();
    await quantize(direct, { ...settings, output });
    expect((await small.files()).map(({ name }) => name).sort()).toEqual([...output.files.keys()].sort());
    const file = await small.file("model.safetensors");
    const expectedFile = output.files.get("model.safetensors") as Uint8Array;
    expect(Buffer.from(await file.arrayBuffer()).equals(expectedFile)).toBe(true);
    expect(phases.size).toBeGreaterThan(1);
    expect(small.facts.averageBits).toBeLessThan(5);
    const own = { samples: 2, length: 32, seed: 9 };
    const { kl, sameTop } = await small.compare(model, { self: own });
    const again = await loadModel(new Map(output.files), { threads: 1 });
    const expected = await compare(again, direct, { windows: await selfSample(direct, own) });
    expect({ kl, sameTop }).toEqual({ kl: expected.kl, sameTop: expected.sameTop });
    await again[Symbol.asyncDispose]();
    expect(await small.store("small")).toMatchObject({ name: "small", whole: true });
    await small[Symbol.asyncDispose]();
    await expect(small.encode("a")).rejects.toThrow(/model \d+, which is disposed/);
    const stored = await engine.load({ stored: "small" }, { threads: 1 });
    expect(stored.facts.trueBytes).toBe(small.facts.trueBytes);
    await stored[Symbol.asyncDispose]();
  }, 60_000);

  it("measures a copy with the benchmark, with the hash of the library", async () => {
    const progress: string[] = [];
    const options = { prompt: [8], generate: [4], depth: [0], repeat: 1, matrix: 0, streamBytes: 2 ** 20 };
    const report = await model.bench({ ...options, onProgress: ({ phase }) => progress.push(phase) });
    const { logitsHash } = await import("../../src/bench.ts");
    expect(report.hash).toEqual(await logitsHash(direct));
    expect(progress.length).toBeGreaterThan(0);
  }, 60_000);
});

describe("errors, ends and several calls at once", () => {
  it("reject with the class of the worker's error", async () => {
    const broken = engine.load({ "config.json": new TextEncoder().encode("{") });
    await expect(broken).rejects.toBeInstanceOf(FormatError);
    await expect(model.generate(PROMPT, { maxTokens: 0 }).next()).rejects.toBeInstanceOf(UsageError);
    await expect(model.quantize({ bits: 4, typo: 1 } as object)).rejects.toThrow(/option typo/);
    await expect(engine.load({ stored: "none" })).rejects.toBeInstanceOf(StorageError);
    const uncloneable = { stop: (() => {}) as unknown as string };
    await expect(model.generate(PROMPT, uncloneable).next()).rejects.toThrow(/plain data and files/);
  });

  it("end with the signal's own reason, soon, and leave the model usable", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    let told = 0;
    const long = model.quantize({
      bits: 4,
      self: { samples: 64, length: 256 },
      signal: controller.signal,
      onProgress: () => {
        if (told++ === 1) controller.abort(reason);
      },
    });
    await expect(long).rejects.toBe(reason);
    for await (const _ of model.generate(PROMPT, { maxTokens: 200, ignoreEos: true })) break;
    const { whole } = await written(model.generate(PROMPT, { maxTokens: 4, temperature: 0 }));
    expect(whole.text).toBe((await ownText({ maxTokens: 4, temperature: 0 })).text);
  }, 60_000);

  it("give each of several texts what it would be alone", async () => {
    const seeds = [1, 2, 3];
    const texts = await Promise.all(seeds.map((seed) => written(model.generate(PROMPT, { maxTokens: 12, seed }))));
    const expected: string[] = [];
    for (const seed of seeds) expected.push((await ownText({ maxTokens: 12, seed })).text);
    expect(texts.map(({ whole }) => whole.text)).toEqual(expected);
  });

  it("tell what the runtime offers", async () => {
    const { simd, sharedMemory, storage, lacks } = await engine.facts();
    expect({ simd, sharedMemory, storage, lacks }).toEqual({
      simd: true,
      sharedMemory: true,
      storage: "opfs",
      lacks: [],
    });
    expect((await engine.stored()).map(({ name }) => name)).toEqual(["small"]);
    await engine.discard("small");
    expect(await engine.stored()).toEqual([]);
  });
});
