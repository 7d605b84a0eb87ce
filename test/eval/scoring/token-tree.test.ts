import { describe, expect, it } from "vitest";
import { buildTree, type ScoredSequence } from "../../../src/eval/scoring/token-tree.ts";

const sequence = (ids: readonly number[], first: number, targets: readonly number[]): ScoredSequence => ({
  ids,
  first,
  targets,
});

describe("buildTree", () => {
  it("sorts sequences and adds what each does not share with the one before", () => {
    const { tree, targetsOf } = buildTree(
      [sequence([5, 6, 8], 1, [8, 9]), sequence([5, 6], 1, [7]), sequence([4], 0, [1]), sequence([5, 6, 7], 2, [2])],
      [],
    );
    expect(Array.from(tree.ids)).toEqual([4, 5, 6, 7, 8]);
    expect(Array.from(tree.depths)).toEqual([0, 0, 1, 2, 2]);
    expect(Array.from(tree.wanted)).toEqual([1, 0, 1, 1, 1]);
    expect([...targetsOf].sort(([a], [b]) => a - b)).toEqual([
      [0, [{ sequence: 2, target: 0 }]],
      [
        2,
        [
          { sequence: 1, target: 0 },
          { sequence: 0, target: 0 },
        ],
      ],
      [3, [{ sequence: 3, target: 0 }]],
      [4, [{ sequence: 0, target: 1 }]],
    ]);
  });

  it("computes equal sequences once", () => {
    const same = sequence([1, 2, 3], 2, [4]);
    const { tree, targetsOf } = buildTree([same, { ...same, targets: [5] }], []);
    expect(Array.from(tree.ids)).toEqual([1, 2, 3]);
    expect(targetsOf.get(2)).toHaveLength(2);
  });

  it("goes on from a path, but computes again what has targets", () => {
    const from = (...sequences: ScoredSequence[]) => Array.from(buildTree(sequences, [1, 2, 3, 4]).tree.depths);
    expect(from(sequence([1, 2, 3, 9], 3, [7]))).toEqual([3]);
    expect(from(sequence([1, 2, 3, 9], 1, [7, 7, 7]))).toEqual([1, 2, 3]);
    expect(from(sequence([1, 2, 3, 4], 3, [7]))).toEqual([3]);
    expect(from(sequence([9], 0, [7]))).toEqual([0]);
    // The second one shares the path up to its only target, at depth 1.
    expect(from(sequence([1, 2, 3, 5], 3, [7]), sequence([1, 2, 3, 6], 1, [0, 0, 0]))).toEqual([1, 2, 3, 3]);
    // It leaves the path before its target.
    expect(from(sequence([1, 2, 3, 5], 3, [7]), sequence([1, 8], 1, [0]))).toEqual([3, 1]);
  });

  it("is empty for no sequences", () => {
    expect(buildTree([], [1, 2]).tree.ids).toHaveLength(0);
  });
});
