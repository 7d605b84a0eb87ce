/**
 * The multiple-choice knapsack: one choice for every item, least damage within a budget of bytes (H. Kellerer, U. Pferschy,
 * D. Pisinger, "Knapsack Problems", 2004, chapter 11).
 *
 * The solution is exact by dynamic programming over bytes: the bytes of a linear at different widths differ by multiples of a large
 * number, so there are few sums. If there are too many sums, choices on the lower convex hull of (bytes, damage) are taken in the
 * order of damage saved per byte (the Lagrangian solution), and exchanges of one or two items use the room that is left; the linear
 * relaxation then bounds what any other choice could reach.
 */
import { UsageError } from "../base/errors.ts";

export interface Choice {
  readonly bytes: number;
  readonly damage: number;
}

export interface KnapsackItem<C extends Choice = Choice> {
  readonly name: string;
  /** At least one choice. */
  readonly choices: readonly C[];
}

export interface KnapsackSolution<C extends Choice = Choice> {
  /** One choice for each item, in the order of the items. */
  readonly picks: readonly C[];
  readonly bytes: number;
  readonly damage: number;
  /** No choice within the budget has less damage than this: it equals `damage` if the solution is exact. */
  readonly bound: number;
}

/** A step along an item's hull, from one choice to the next larger one. */
interface Step<C extends Choice> {
  readonly item: number;
  readonly to: C;
  readonly bytes: number;
  readonly saved: number;
}

/** @throws UsageError for a budget that is smaller than the smallest choices together. */
export function solveKnapsack<C extends Choice>(
  items: readonly KnapsackItem<C>[],
  budget: number,
): KnapsackSolution<C> {
  const hulls = items.map(({ choices }) => lowerHull(choices));
  const picks = hulls.map((hull) => hull[0]);
  const least = totalBytes(picks);
  if (least > budget)
    throw new UsageError("budget", `${budget} bytes`, `at least ${least}, what the fewest bits of every linear take`);
  const exact = pickExactly(items, budget);
  if (exact !== undefined) {
    const damage = totalDamage(exact);
    return { picks: exact, bytes: totalBytes(exact), damage, bound: damage };
  }
  const bound = takeSteps(hulls, picks, budget);
  exchange(items, picks, budget);
  return { picks, bytes: totalBytes(picks), damage: totalDamage(picks), bound };
}

/** Cells of the largest table, of one byte each, that is still quick to fill. */
const MAX_CELLS = 1e8;

/** `undefined` where the table would be too large. */
function pickExactly<C extends Choice>(items: readonly KnapsackItem<C>[], budget: number): C[] | undefined {
  const least = items.map(({ choices }) => Math.min(...choices.map(({ bytes }) => bytes)));
  const unit = items.reduce(
    (divisor, { choices }, i) => choices.reduce((d, { bytes }) => commonDivisor(d, bytes - least[i]), divisor),
    0,
  );
  const room = unit === 0 ? 0 : Math.floor((budget - least.reduce((sum, bytes) => sum + bytes, 0)) / unit);
  const most = items.reduce((sum, { choices }, i) => sum + Math.max(...choices.map((c) => c.bytes)) - least[i], 0);
  const cells = Math.min(room, unit === 0 ? 0 : most / unit) + 1;
  if (cells * items.length > MAX_CELLS) return undefined;
  let best = new Float64Array(cells);
  const picked = items.map(({ choices }, i) => {
    const next = new Float64Array(cells).fill(Number.POSITIVE_INFINITY);
    const from = new Uint8Array(cells);
    choices.forEach(({ bytes, damage }, index) => {
      const step = unit === 0 ? 0 : (bytes - least[i]) / unit;
      for (let cell = step; cell < cells; cell++) {
        const total = best[cell - step] + damage;
        if (total >= next[cell]) continue;
        next[cell] = total;
        from[cell] = index;
      }
    });
    best = next;
    return from;
  });
  const picks: C[] = new Array(items.length);
  for (let i = items.length - 1, cell = cells - 1; i >= 0; i--) {
    picks[i] = items[i].choices[picked[i][cell]];
    if (unit > 0) cell -= (picks[i].bytes - least[i]) / unit;
  }
  return picks;
}

function commonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/** Every budget's Lagrangian solution, from the fewest bytes to the least damage. */
export function knapsackCurve(items: readonly KnapsackItem[]): readonly Choice[] {
  const hulls = items.map(({ choices }) => lowerHull(choices));
  let [bytes, damage] = [totalBytes(hulls.map((hull) => hull[0])), totalDamage(hulls.map((hull) => hull[0]))];
  const curve = [{ bytes, damage }];
  for (const step of stepsOf(hulls)) {
    bytes += step.bytes;
    damage -= step.saved;
    curve.push({ bytes, damage });
  }
  return curve;
}

/** The choices that are best at some price of a byte, the smallest first. */
function lowerHull<C extends Choice>(choices: readonly C[]): readonly C[] {
  const sorted = [...choices].sort((a, b) => a.bytes - b.bytes || a.damage - b.damage);
  const hull: C[] = [];
  for (const choice of sorted) {
    if (hull.length > 0 && choice.damage >= (hull.at(-1) as C).damage) continue;
    while (hull.length > 1 && slope(hull.at(-2) as C, choice) >= slope(hull.at(-2) as C, hull.at(-1) as C)) hull.pop();
    hull.push(choice);
  }
  return hull;
}

/** Damage saved per byte. */
function slope(from: Choice, to: Choice): number {
  return (from.damage - to.damage) / (to.bytes - from.bytes);
}

/** All steps, those that save most per byte first; an item's own steps keep their order, since a hull's slopes fall. */
function stepsOf<C extends Choice>(hulls: readonly (readonly C[])[]): readonly Step<C>[] {
  const steps = hulls.flatMap((hull, item) =>
    hull.slice(1).map((to, index) => ({
      item,
      to,
      bytes: to.bytes - hull[index].bytes,
      saved: hull[index].damage - to.damage,
    })),
  );
  return steps.sort((a, b) => b.saved / b.bytes - a.saved / a.bytes || a.item - b.item);
}

/** Takes steps while they fit, passing over those that do not. @returns the bound of the linear relaxation. */
function takeSteps<C extends Choice>(hulls: readonly (readonly C[])[], picks: C[], budget: number): number {
  let room = budget - totalBytes(picks);
  let bound: number | undefined;
  const stuck = new Set<number>();
  for (const step of stepsOf(hulls)) {
    if (stuck.has(step.item)) continue;
    if (step.bytes <= room) {
      picks[step.item] = step.to;
      room -= step.bytes;
      continue;
    }
    bound ??= totalDamage(picks) - (step.saved * room) / step.bytes;
    stuck.add(step.item);
  }
  return bound ?? totalDamage(picks);
}

/** Limit on rounds of exchanges. Each round lowers the damage, so it is hardly ever reached. */
const MAX_ROUNDS = 1000;

/** Moves one item, or two against each other, as long as that lowers the damage within the budget. */
function exchange<C extends Choice>(items: readonly KnapsackItem<C>[], picks: C[], budget: number): void {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const moves = movesOf(items, picks);
    const best = bestMoves(moves, budget - totalBytes(picks));
    if (best.length === 0) return;
    for (const { item, to } of best) picks[item] = to;
  }
}

function movesOf<C extends Choice>(items: readonly KnapsackItem<C>[], picks: readonly C[]): readonly Step<C>[] {
  return items.flatMap(({ choices }, item) =>
    choices
      .filter((to) => to !== picks[item])
      .map((to) => ({ item, to, bytes: to.bytes - picks[item].bytes, saved: picks[item].damage - to.damage })),
  );
}

/** The one or two moves that fit the room and save most; none if no move saves anything. */
function bestMoves<C extends Choice>(moves: readonly Step<C>[], room: number): readonly Step<C>[] {
  let best: readonly Step<C>[] = [];
  let most = 1e-15;
  const consider = (...taken: readonly Step<C>[]) => {
    const saved = taken.reduce((sum, move) => sum + move.saved, 0);
    if (saved <= most) return;
    most = saved;
    best = taken;
  };
  const gains = moves.filter((move) => move.saved > 0);
  for (const gain of gains) {
    if (gain.bytes <= room) consider(gain);
    for (const other of moves)
      if (other.item !== gain.item && gain.saved + other.saved > most && gain.bytes + other.bytes <= room)
        consider(gain, other);
  }
  return best;
}

function totalBytes(picks: readonly Choice[]): number {
  return picks.reduce((sum, pick) => sum + pick.bytes, 0);
}

function totalDamage(picks: readonly Choice[]): number {
  return picks.reduce((sum, pick) => sum + pick.damage, 0);
}
