/** What several memories promise: every result has the bits that it has in one. */
import { readdirSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../../src/adapter/node.ts";
import { Turns } from "../../../../src/base/turns.ts";
import { calibrate } from "../../../../src/compress/statistics/calibrate.ts";
import { expertUsage } from "../../../../src/eval/perplexity/expert-usage.ts";
import { type LanguageModel, type LoadOptions, loadModel } from "../../../../src/index.ts";
import { SharedSession } from "../../../../src/model/pass/shared/shared-session.ts";
import { TreeSession } from "../../../../src/model/pass/tree-session.ts";
import { computeTapped } from "../../../../src/runtime/logits.ts";
import { bundleFolder, bundleOf } from "../../../helpers/bundles.ts";
import { repositoryFile } from "../../../helpers/shared.ts";
import { openTinyModel, tinyIds } from "../../../helpers/tiny-model.ts";

const FAMILIES = readdirSync(repositoryFile("test/fixtures/families")).filter((name) =>
  statSync(repositoryFile(`test/fixtures/families/${name}`)).isDirectory(),
);
const ids = (count: number) => Array.from({ length: count }, (_, i) => (i * 61 + 7) % 90);
const turns = new Turns();

/** Everything that sessions of all kinds compute, as numbers. */
async function resultsOf(model: LanguageModel): Promise<Readonly<Record<string, unknown>>> {
  const { config, machine } = model;
  const row = (ptr: number) => Array.from(machine.arena.f32(ptr, config.vocabSize));
  const { logits, tensors } = await computeTapped(model, ids(19));
  const decoded: number[][] = [];
  {
    using session = model.session({ context: 32, batch: 8 });
    for (const piece of [ids(13), ids(1), ids(2)])
      await session.evaluate(piece, turns, { onLogits: ({ ptr }) => void decoded.push(row(ptr)) });
  }
  const nodes: number[][] = [];
  {
    using session = new TreeSession(model, { context: 32, batch: 4 });
    const tree = { ids: [5, 6, 7, 8, 9, 4], depths: [0, 1, 2, 1, 2, 3], wanted: [0, 1, 1, 0, 0, 1] };
    const typed = { ids: Int32Array.from(tree.ids), depths: Int32Array.from(tree.depths) };
    await session.evaluate({ ...typed, wanted: Uint8Array.from(tree.wanted) }, turns, ({ ptr, ld, nodes: found }) => {
      for (const [at, node] of found.entries()) nodes[node] = row(ptr + 4 * ld * at);
    });
  }
  const together: number[][] = [];
  {
    using session = new SharedSession(model, { context: 24, batch: 8 });
    const sequences = [session.sequence(), session.sequence()];
    await Promise.all(
      sequences.map((sequence, at) =>
        sequence.evaluate(ids(11 + at), {
          onLogits: ({ ptr }) => {
            together[at] = row(ptr);
          },
        }),
      ),
    );
  }
  const usage = await expertUsage(model, [ids(12), ids(7)]);
  return { logits: logits.data, tensors, decoded, nodes, together, usage };
}

/** The results of a model, and with how many memories it computed them. */
async function resultsWith(path: string, options: LoadOptions) {
  const model = await loadModel(repositoryFile(path), options);
  try {
    return { memories: 1 + model.weights.stages.length, results: await resultsOf(model) };
  } finally {
    await model[Symbol.asyncDispose]();
  }
}

describe.each(FAMILIES)("%s", (family) => {
  it("computes the same in two memories and in as many as it has layers, with one and two threads", async () => {
    const path = `test/fixtures/families/${family}`;
    const model = await loadModel(repositoryFile(path), { threads: 1 });
    const expected = await resultsOf(model);
    const { layers } = model.config;
    await model[Symbol.asyncDispose]();
    for (const options of [
      { memories: 2, threads: 1 },
      { memories: layers, threads: 2 },
    ]) {
      const { memories, results } = await resultsWith(path, options);
      expect(memories).toBe(options.memories);
      expect(results).toEqual(expected);
    }
  });
});

describe("a model in four memories", () => {
  it("writes the same text, from its folder and from a bundle", async () => {
    const textOf = async (source: Parameters<typeof loadModel>[0], memories: number) => {
      const model = await loadModel(source, { memories });
      let text = "";
      for await (const piece of model.generate("Once upon a time", { maxTokens: 24, seed: 7 })) text += piece.text;
      await model[Symbol.asyncDispose]();
      return text;
    };
    const path = repositoryFile("models/fable-deepseek");
    const expected = await textOf(path, 1);
    expect(expected.length).toBeGreaterThan(40);
    expect(await textOf(path, 4)).toBe(expected);
    const bundle = bundleFolder(await bundleOf(await nodeFolder(path)));
    expect(await textOf(bundle, 3)).toBe(expected);
  });

  it("gives back all memory of a session", async () => {
    const model = await openTinyModel({ memories: 3, threads: 1 });
    const machines = [model.machine, ...model.weights.stages.map(({ machine }) => machine)];
    expect(new Set(machines).size).toBe(3);
    model.session()[Symbol.dispose](); // the RoPE tables, which stay
    const before = machines.map(({ arena }) => arena.used);
    const session = model.session({ context: 64 });
    await session.evaluate(tinyIds(9, 1), turns);
    for (const [at, { arena }] of machines.entries()) expect(arena.used).toBeGreaterThan(before[at]);
    session[Symbol.dispose]();
    expect(machines.map(({ arena }) => arena.used)).toEqual(before);
    await model[Symbol.asyncDispose]();
    for (const { arena } of machines) expect(() => arena.check()).toThrow();
  });

  it("allocates nothing if one memory is too small for a session", async () => {
    const model = await openTinyModel({ memories: 3, threads: 1 });
    model.session()[Symbol.dispose]();
    const machines = [model.machine, ...model.weights.stages.map(({ machine }) => machine)];
    const before = machines.map(({ arena }) => arena.used);
    const { arena } = machines[2];
    const take = arena.take.bind(arena);
    let blocks = 0;
    arena.take = (bytes) => {
      if (++blocks > 5) throw new RangeError("full");
      return take(bytes);
    };
    expect(() => model.session()).toThrow("full");
    expect(machines.map((machine) => machine.arena.used)).toEqual(before);
    await model[Symbol.asyncDispose]();
  });

  it("is refused for jobs that read the weights of all layers in one memory", async () => {
    const model = await openTinyModel({ memories: 2 });
    await expect(calibrate(model, [tinyIds(8, 1)])).rejects.toThrow(
      'model: found weights in 2 memories, expected one that was opened with paging: "all"',
    );
    await model[Symbol.asyncDispose]();
  });

  it("is refused for more memories than layers", async () => {
    await expect(openTinyModel({ memories: 4 })).rejects.toThrow("memories: found 4, expected 1 to 3");
  });
});
