import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import { TokenScorer } from "../../../src/eval/scoring/token-scorer.ts";
import type { ScoredSequence } from "../../../src/eval/scoring/token-tree.ts";
import { type LanguageModel, loadModel } from "../../../src/index.ts";
import { mulberry32 } from "../../helpers/random.ts";

/** Sequences that branch at random places, some equal, some beginnings of others. */
function branchingSequences(count: number, longest: number, vocab: number): ScoredSequence[] {
  const random = mulberry32(5);
  const below = (limit: number) => Math.floor(random() * limit);
  const all: number[][] = [];
  for (let i = 0; i < count; i++) {
    const parent = i === 0 ? [] : all[below(i)];
    const ids = parent.slice(0, below(parent.length + 1));
    const length = Math.max(1, below(longest + 1));
    while (ids.length < length) ids.push(below(i % 3 === 0 ? 3 : vocab));
    all.push(ids);
  }
  return all.map((ids, i) => {
    const first = i % 4 === 0 ? ids.length - 1 : below(ids.length);
    return { ids, first, targets: Array.from({ length: ids.length - first }, () => below(vocab)) };
  });
}

/** Beginnings of sequences that differ: what a trie computes. */
function countNodes(sequences: readonly ScoredSequence[]): number {
  const nodes = new Set<string>();
  for (const { ids } of sequences)
    for (let end = 1; end <= ids.length; end++) nodes.add(Array.from(ids).slice(0, end).join());
  return nodes.size;
}

const bits = (scores: readonly { logProbs: Float64Array; isGreedy: boolean }[]) =>
  scores.map(({ logProbs, isGreedy }) => [...logProbs, Number(isGreedy)]);

describe.each([
  ["models/fable-mixtral", 60],
  ["models/fable-deepseek", 60],
  ["test/fixtures/families/mixtral-window-bf16", 30], // a sliding window
])("TokenScorer on %s", (path, longest) => {
  let model: LanguageModel;
  let sequences: ScoredSequence[];
  beforeAll(async () => {
    model = await loadModel(path);
    sequences = branchingSequences(40, Math.min(longest, model.config.maxPositions), model.config.vocabSize);
  });
  afterAll(() => model[Symbol.asyncDispose]());
  const score = async (given: readonly ScoredSequence[], batch?: number) => {
    using scorer = new TokenScorer(model, { batch });
    const found = await scorer.score(given, new Turns());
    return { found, computed: scorer.computedTokens };
  };

  it("gives the log-probabilities of each sequence alone, to 1e-9, and computes each beginning once", async () => {
    const { found, computed } = await score(sequences);
    expect(computed).toBe(countNodes(sequences));
    for (const [i, { ids, first, targets }] of sequences.entries()) {
      const { data, vocab } = await model.logits(Array.from(ids));
      let greedy = true;
      Array.from(targets).forEach((target, t) => {
        const row = data.subarray((first + t) * vocab, (first + t + 1) * vocab);
        const most = row.reduce((a, b) => Math.max(a, b));
        const logSum = Math.log(row.reduce((sum, value) => sum + Math.exp(value - most), 0));
        expect(Math.abs(found[i].logProbs[t] - (row[target] - most - logSum))).toBeLessThan(1e-9);
        greedy &&= row.indexOf(most) === target;
      });
      expect(found[i].isGreedy).toBe(greedy);
    }
  });

  it("gives the same bits for any batch, together or one by one, on one path or anew", async () => {
    const expected = bits((await score(sequences)).found);
    for (const batch of [1, 3, 64]) expect(bits((await score(sequences, batch)).found)).toEqual(expected);
    using scorer = new TokenScorer(model, { batch: 16 });
    const alone = [];
    for (const one of sequences) alone.push(...(await scorer.score([one], new Turns())));
    expect(bits(alone)).toEqual(expected);
    const back = [...sequences].reverse();
    expect(bits([...(await scorer.score(back, new Turns()))].reverse())).toEqual(expected);
  });
});

describe("TokenScorer", () => {
  it("gives the same bits on two threads", async () => {
    await using one = await loadModel("models/fable-mixtral");
    await using two = await loadModel("models/fable-mixtral", { threads: 2 });
    const sequences = branchingSequences(30, 50, 4096);
    using a = new TokenScorer(one);
    using b = new TokenScorer(two);
    const expected = bits(await a.score(sequences, new Turns()));
    expect(bits(await b.score(sequences, new Turns()))).toEqual(expected);
  });

  it("knows greedy continuations", async () => {
    await using model = await loadModel("models/fable-mixtral");
    const { ids } = await (async () => {
      const pieces: number[] = [];
      const options = { maxTokens: 5, temperature: 0, ignoreEos: true };
      for await (const { id } of model.generate({ ids: [0, 430, 410] }, options)) if (id !== undefined) pieces.push(id);
      return { ids: pieces };
    })();
    using scorer = new TokenScorer(model);
    const input = [0, 430, 410, ...ids.slice(0, 4)];
    const wrong = [...ids.slice(0, 4), (ids[4] + 1) % 4096];
    const found = await scorer.score(
      [
        { ids: input, first: 2, targets: ids },
        { ids: input, first: 2, targets: wrong },
      ],
      new Turns(),
    );
    expect(found.map(({ isGreedy }) => isGreedy)).toEqual([true, false]);
  });

  it("refuses what the model cannot read, and goes on", async () => {
    await using model = await loadModel("models/fable-mixtral");
    using scorer = new TokenScorer(model);
    const good = { ids: [1, 2, 3], first: 0, targets: [2, 3, 4] };
    const before = bits(await scorer.score([good], new Turns()));
    await expect(scorer.score([{ ...good, ids: [1, 2, 4096] }], new Turns())).rejects.toThrow("token id 2: found 4096");
    const long = { ids: new Array(513).fill(1), first: 0, targets: [1] };
    await expect(scorer.score([long], new Turns())).rejects.toThrow("context: found 513");
    const stop = AbortSignal.abort(new Error("enough"));
    await expect(scorer.score([good], new Turns(stop))).rejects.toThrow("enough");
    expect(bits(await scorer.score([good], new Turns()))).toEqual(before);
  });
});
