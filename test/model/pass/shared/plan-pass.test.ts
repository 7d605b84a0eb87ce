/** How a pass is parted among the sequences that wait. */
import { describe, expect, it } from "vitest";
import { PageTree } from "../../../../src/model/pass/shared/page-tree.ts";
import { planPass, shareTokens } from "../../../../src/model/pass/shared/plan-pass.ts";
import { SharedSequence } from "../../../../src/model/pass/shared/shared-sequence.ts";

describe("shareTokens", () => {
  it.each([
    [[1, 1, 500, 1], 64, [1, 1, 61, 1]],
    [[500, 500, 10], 64, [54, 0, 10]],
    [[64, 64, 64], 64, [64, 0, 0]],
    [[500, 40, 30, 30], 64, [16, 0, 30, 18]],
    [[1, 500, 40, 30], 64, [1, 16, 17, 30]],
    [[5, 5, 5], 2, [2, 0, 0]],
    [[1, 1, 1], 2, [1, 1, 0]],
    [[], 64, []],
    [[0, 3], 64, [0, 3]],
  ])("parts wishes of %j tokens among %i", (wishes, capacity, shares) => {
    expect(shareTokens(wishes, capacity)).toEqual(shares);
  });
});

describe("planPass", () => {
  const limits = { capacity: 64, segmentRoom: 256 };

  function waiting(tree: PageTree, count: number, first = 0): SharedSequence {
    const sequence = new SharedSequence({ tree, onAsk: () => {}, onClose: () => {} });
    void sequence.evaluate(Array.from({ length: count }, (_, at) => first + at));
    return sequence;
  }
  const tokensOf = (sequences: readonly SharedSequence[]) =>
    planPass(sequences, limits).map(({ sequence, tokens }) => [sequences.indexOf(sequence), tokens]);

  it("gives a single token first, then one prompt after the other", () => {
    const tree = new PageTree(20);
    expect(tokensOf([waiting(tree, 100), waiting(tree, 1, 7), waiting(tree, 100, 500)])).toEqual([
      [0, 63],
      [1, 1],
    ]);
  });

  it("leaves out a sequence that would compute the same page at the same time", () => {
    const tree = new PageTree(20);
    expect(tokensOf([waiting(tree, 40), waiting(tree, 40), waiting(tree, 16)])).toEqual([
      [0, 40],
      [2, 16],
    ]);
  });

  it("takes pages from the sequence that came last, and from one that waits for nothing", () => {
    const tree = new PageTree(3);
    const sequences = [waiting(tree, 20), waiting(tree, 16, 500), waiting(tree, 16, 900)];
    expect(tokensOf(sequences)).toEqual([
      [0, 20],
      [1, 16],
    ]);
    sequences[0].advance(20);
    sequences[1].advance(16);
    expect(tokensOf(sequences)).toEqual([[2, 16]]);
    expect(sequences.map(({ computed }) => computed)).toEqual([20, 0, 0]);
  });
});
