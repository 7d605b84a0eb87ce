/** Chooses the tokens of the next pass of a shared session, within the pages that are free. */
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

/** The share of a pass that is the oldest sequence's, however short the wishes of those behind it. */
const OLDEST = 1 / 4;

/**
 * Parts `capacity` tokens. The shortest wishes come first: a sequence that decodes waits for nobody, and prompts that come at once are computed
 * one after the other, since each would get its first token last if they shared every pass. The oldest prompt gets a quarter in any case, so
 * that short ones cannot keep a long one out for ever.
 */
export function shareTokens(wishes: readonly number[], capacity: number): number[] {
  const shares = wishes.map(() => 0);
  let left = capacity;
  const give = (at: number, most: number) => {
    const more = Math.min(wishes[at] - shares[at], most);
    shares[at] += more;
    left -= more;
  };
  const oldest = wishes.findIndex((wish) => wish > 1);
  if (oldest >= 0) give(oldest, Math.ceil(capacity * OLDEST));
  const order = wishes.map((_, at) => at).sort((a, b) => wishes[a] - wishes[b] || a - b);
  for (const at of order) give(at, left);
  return shares;
}
