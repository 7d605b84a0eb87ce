/** Chooses the tokens of the next pass of a shared session: a fair share of it for each sequence, within the pages that are free. */
import { PAGE_ROWS, pageKey } from "./page-tree.ts";
import type { SharedSequence } from "./shared-sequence.ts";

/** The next tokens of one sequence in a pass. */
export interface Portion {
  readonly sequence: SharedSequence;
  readonly tokens: number;
}

export interface PassLimits {
  /** Most tokens of a pass. */
  readonly capacity: number;
  /** Most segments of the cache that its tokens see, added up. */
  readonly segmentRoom: number;
}

/**
 * The portions of the next pass; none only if no sequence waits. If pages are missing, the sequence that came last gives up its own.
 * @param sequences in the order in which they came.
 */
export function planPass(sequences: readonly SharedSequence[], limits: PassLimits): readonly Portion[] {
  const waiting = sequences.filter(({ pending }) => pending > 0);
  for (const sequence of waiting) sequence.adopt();
  const ready = withoutRepeats(waiting);
  const shares = shareTokens(
    ready.map(({ pending }) => pending),
    limits.capacity,
  );
  const portions: Portion[] = [];
  let segments = 0;
  ready.forEach((sequence, at) => {
    const wish = Math.min(shares[at], sequence.pending);
    if (wish === 0) return;
    const fits = reserveFor(sequence, wish, sequences);
    const room = fits ? wish : Math.min(wish, sequence.pages.length * PAGE_ROWS - sequence.computed);
    const runs = Math.max(1, sequence.rows().length);
    const tokens = Math.min(room, Math.floor((limits.segmentRoom - segments) / runs));
    if (tokens <= 0) return;
    segments += tokens * runs;
    portions.push({ sequence, tokens });
  });
  return portions;
}

/**
 * Takes pages, if need be from sequences that came later, the last one first, then from earlier ones that wait for nothing.
 * @returns whether there were enough.
 */
function reserveFor(sequence: SharedSequence, tokens: number, sequences: readonly SharedSequence[]): boolean {
  if (sequence.reserve(tokens)) return true;
  const own = sequences.indexOf(sequence);
  const idle = sequences.slice(0, own).filter(({ pending }) => pending === 0);
  for (const other of [...idle, ...sequences.slice(own + 1)].reverse()) {
    other.giveUp();
    if (sequence.reserve(tokens)) return true;
  }
  return false;
}

/**
 * Leaves out sequences whose next page another one computes in this pass: they use its page afterwards. Wanted logits are not on pages,
 * so what is before them only can be shared.
 */
function withoutRepeats(waiting: readonly SharedSequence[]): readonly SharedSequence[] {
  const begun = new Set<string>();
  return waiting.filter((sequence) => {
    const { computed, ids, wanted, pages } = sequence;
    if (computed % PAGE_ROWS !== 0 || computed + PAGE_ROWS > ids.length) return true;
    const page = `${pages.at(-1)?.index ?? -1}:${pageKey(ids, computed)}`;
    const isRepeat = begun.has(page) && computed + PAGE_ROWS <= Math.min(wanted, ids.length - 1);
    if (!isRepeat) begun.add(page);
    return !isRepeat;
  });
}

/** Parts `capacity` tokens: each wish gets the same share, and what one leaves goes to the others; earlier ones get the remainder. */
export function shareTokens(wishes: readonly number[], capacity: number): number[] {
  const shares = wishes.map(() => 0);
  let left = capacity;
  let open = wishes.flatMap((wish, at) => (wish > 0 ? [at] : []));
  while (left > 0 && open.length > 0) {
    const part = Math.max(1, Math.floor(left / open.length));
    for (const at of open) {
      const more = Math.min(part, wishes[at] - shares[at], left);
      shares[at] += more;
      left -= more;
    }
    open = open.filter((at) => shares[at] < wishes[at]);
  }
  return shares;
}
