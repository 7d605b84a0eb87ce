/** From sequences to the trie they form: sorted, a sequence adds the nodes that its neighbour before it does not share. */
import type { TokenTree } from "../../model/pass/tree-session.ts";

/** Input ids of a sequence and what is asked of it. */
export interface ScoredSequence {
  /** What the model reads, from position 0. */
  readonly ids: ArrayLike<number>;
  /** Place of the id after which the first target stands. */
  readonly first: number;
  /** Ids whose probability is asked for: number i follows `ids[first + i]`. */
  readonly targets: ArrayLike<number>;
}

/** A target: which one of which sequence. */
export interface TargetPlace {
  readonly sequence: number;
  readonly target: number;
}

export interface ScoredTree {
  readonly tree: TokenTree;
  /** Targets that follow each node. */
  readonly targetsOf: ReadonlyMap<number, readonly TargetPlace[]>;
}

/**
 * @param path ids that are computed already: what the first sequence shares with them is left out of the tree. Without it nothing is
 * shared: every sequence then stands from its start.
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

/** Of what the tree shares with the path, the part without targets: their logits are gone. */
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

/** Lexicographic; a beginning comes before what it begins. */
function compareIds(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const shared = sharedLength(a, b);
  if (shared === a.length || shared === b.length) return a.length - b.length;
  return a[shared] - b[shared];
}
