/** Builds a trie of sequences. In sorted order, each sequence adds the nodes that the one before it does not have. */
import type { TokenTree } from "../../model/pass/tree-session.ts";

/** Input ids of a sequence, and the targets whose probabilities are asked for. */
export interface ScoredSequence {
  /** What the model reads, from position 0. */
  readonly ids: ArrayLike<number>;
  /** Index of the id after which the first target stands. */
  readonly first: number;
  /** Ids whose probability is asked for; target i follows `ids[first + i]`. */
  readonly targets: ArrayLike<number>;
}

/** A target: index of its sequence, and its index within the sequence. */
export interface TargetPlace {
  readonly sequence: number;
  readonly target: number;
}

export interface ScoredTree {
  readonly tree: TokenTree;
  /** The targets that follow each node. */
  readonly targetsOf: ReadonlyMap<number, readonly TargetPlace[]>;
}

/**
 * @param path ids that are already computed. The beginning that the first sequence shares with them is left out of the tree. Without
 * a path nothing is shared: every sequence is in the tree from its start.
 */
export function buildTree(sequences: readonly ScoredSequence[], path: readonly number[] | undefined): ScoredTree {
  const order = sequences.map((_, index) => index).sort((a, b) => compareIds(sequences[a].ids, sequences[b].ids));
  const shared = order.map((index, place) =>
    path === undefined ? 0 : sharedLength(sequences[index].ids, place === 0 ? path : sequences[order[place - 1]].ids),
  );
  if (shared.length > 0) shared[0] = leaveScored(sequences, order, shared);
  const nodes = order.reduce((sum, index, place) => sum + sequences[index].ids.length - shared[place], 0);
  const tree = { ids: new Int32Array(nodes), depths: new Int32Array(nodes), wanted: new Uint8Array(nodes) };
  const targetsOf = new Map<number, TargetPlace[]>();
  const nodeAt: number[] = [];
  let node = 0;
  order.forEach((sequence, place) => {
    const { ids, first, targets } = sequences[sequence];
    for (let depth = shared[place]; depth < ids.length; depth++) {
      tree.ids[node] = ids[depth];
      tree.depths[node] = depth;
      nodeAt[depth] = node++;
    }
    for (let target = 0; target < targets.length; target++) {
      const at = nodeAt[first + target];
      tree.wanted[at] = 1;
      const known = targetsOf.get(at);
      if (known === undefined) targetsOf.set(at, [{ sequence, target }]);
      else known.push({ sequence, target });
    }
  });
  return { tree, targetsOf };
}

/** Shortens the part shared with the path to the tokens before the first target: the path's logits are no longer there. */
function leaveScored(
  sequences: readonly ScoredSequence[],
  order: readonly number[],
  shared: readonly number[],
): number {
  let known = shared[0];
  let least = known;
  order.forEach((sequence, place) => {
    least = Math.min(least, shared[place]);
    if (sequences[sequence].first < least) known = Math.min(known, sequences[sequence].first);
  });
  return known;
}

function sharedLength(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}

/** Lexicographic order; a beginning of a sequence comes before the sequence. */
function compareIds(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const shared = sharedLength(a, b);
  if (shared === a.length || shared === b.length) return a.length - b.length;
  return a[shared] - b[shared];
}
